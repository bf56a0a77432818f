/**
 * The referee: official plugins and stand-ins take turns on one state, and give the same answers to the same calls.
 * Runs where the official binaries are on PATH.
 *
 * Allowed differences: texts of messages; `detailedDiff`, which the official random plugin leaves to the engine; and
 * what the stand-in refuses with a message where the official plugin knows more.
 */
import assert from "node:assert/strict";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { UNKNOWN } from "../../providers/kit/types";
import { createProject, executableOf } from "./support/engine";
import { compare, inTheClear, stateOf, takeTurns } from "./support/parity";
import { PluginClient, type Values } from "./support/plugin-client";
import { ADMIN, ADMIN_PASSWORD, TestPostgres } from "./support/postgres";

compare("random", (pair) => {
  it("take turns on one state", async () => {
    const program = () => {
      new random.RandomBytes("bytes", { length: 32 });
      new random.RandomBytes("kept-bytes", { length: 16, keepers: { generation: "1" } });
      new random.RandomPassword("password", { length: 24 });
      new random.RandomPassword("odd-password", {
        length: 20,
        special: false,
        minLower: 2,
        overrideSpecial: "",
        keepers: {},
      });
      new random.RandomId("id", { byteLength: 8 });
      new random.RandomId("prefixed-id", { byteLength: 4, prefix: "app-", keepers: { a: "b" } });
      new random.RandomString("string", { length: 12, upper: false, numeric: true });
      return Promise.resolve({});
    };
    const project = await createProject({ program });
    try {
      await takeTurns(project, pair);
    } finally {
      await project.dispose();
    }
  });

  describe("answer alike", () => {
    let theirs: PluginClient;
    let ours: PluginClient;
    before(async () => {
      theirs = await PluginClient.start(pair.official.program);
      ours = await PluginClient.start(await executableOf(pair.standIn.program));
    });
    after(() => {
      theirs.stop();
      ours.stop();
    });

    const [bytes, password] = [
      "random:index/randomBytes:RandomBytes",
      "random:index/randomPassword:RandomPassword",
    ];
    const [id, string] = ["random:index/randomId:RandomId", "random:index/randomString:RandomString"];
    const changes: [type: string, from: Values, to: Values][] = [
      [bytes, { length: 16 }, { length: 17 }],
      [bytes, { length: 16 }, { length: 16, keepers: {} }],
      [bytes, { length: 16, keepers: { a: "1" } }, { length: 16, keepers: { a: "2" } }],
      [bytes, { length: 16, keepers: { a: "1" } }, { length: 16 }],
      [bytes, { length: 16, keepers: { a: "1" } }, { length: 16, keepers: UNKNOWN }],
      [bytes, { length: 16, keepers: { a: "1" } }, { length: 16, keepers: { a: UNKNOWN } }],
      [password, { length: 16 }, { length: 16, special: true, minLower: 0, numeric: true }],
      [password, { length: 16 }, { length: 16, numeric: false }],
      [password, { length: 16 }, { length: 16, number: false }],
      [password, { length: 16, number: false }, { length: 16, numeric: false }],
      [password, { length: 16 }, { length: 16, overrideSpecial: "" }],
      [password, { length: 16, overrideSpecial: "" }, { length: 16 }],
      [password, { length: 16, overrideSpecial: "!" }, { length: 16 }],
      [password, { length: 16 }, { length: 16, keepers: {} }],
      [password, { length: 16, keepers: {} }, { length: 16 }],
      [password, { length: 16, keepers: { a: "1" } }, { length: 16, keepers: { a: "1", b: "2" } }],
      [id, { byteLength: 4 }, { byteLength: 4, prefix: "x" }],
      [id, { byteLength: 4, prefix: "x" }, { byteLength: 5 }],
      [string, { length: 4, special: false }, { length: 4 }],
    ];
    for (const [type, from, to] of changes) {
      it(`${type.split(":")[2]!} ${JSON.stringify(from)} → ${JSON.stringify(to)}`, async () => {
        assert.deepEqual(await ours.check(type, to, from), await theirs.check(type, to, from));
        assert.deepEqual(await ours.create(type, to, true), await theirs.create(type, to, true));
        const made = await theirs.create(type, from);
        const state = { id: made.id, olds: inTheClear(made.outputs), news: to, oldInputs: from };
        const [left, right] = [await ours.diff(type, state), await theirs.diff(type, state)];
        assert.deepEqual({ ...left, detailed: {} }, { ...right, detailed: {} });
        if (right.changes === "some" && right.replaces.length === 0) {
          assert.deepEqual(await ours.update(type, state), await theirs.update(type, state));
        }
        assert.deepEqual(
          await ours.read(type, made.id, state.olds, from),
          await theirs.read(type, made.id, state.olds, from),
        );
      });
    }

    const imports: [type: string, id: string][] = [
      [bytes, "U46vd2MCs1tkNcMUyM7ZSw=="],
      [id, "fKCViguuctc"],
      [id, "pre,fKCViguuctc"],
      [string, "some text"],
    ];
    for (const [type, given] of imports) {
      it(`import of ${type.split(":")[2]!} ${given}`, async () => {
        assert.deepEqual(await ours.read(type, given), await theirs.read(type, given));
      });
    }
  });
});

compare("postgresql", (pair) => {
  let server: TestPostgres;
  before(async () => {
    server = await TestPostgres.start();
  });
  after(() => server.stop());

  it("take turns on one state", async () => {
    const program = () => {
      const provider = new postgresql.Provider("server", {
        host: "127.0.0.1",
        port: server.port,
        username: ADMIN,
        password: pulumi.secret(ADMIN_PASSWORD),
        sslmode: "disable",
        connectTimeout: 10,
      });
      const options = { provider };
      const password = pulumi.secret("password-of-the-app");
      const role = new postgresql.Role(
        "role",
        { name: "crm", login: true, password, connectionLimit: 20 },
        options,
      );
      const database = new postgresql.Database(
        "db",
        {
          name: "crm",
          owner: role.name,
          template: "template0",
          encoding: "UTF8",
          lcCollate: "C",
          lcCtype: "C.UTF-8",
        },
        options,
      );
      const closed = { role: "public", objectType: "database", privileges: [] };
      new postgresql.Grant("closed", { ...closed, database: database.name }, options);
      const reader = new postgresql.Role(
        "reader",
        { name: "reader", roles: ["pg_monitor"], searchPaths: ["a", "b"], statementTimeout: 1000 },
        options,
      );
      const plain = new postgresql.Database(
        "plain",
        { name: "plain" },
        { ...options, dependsOn: [database] },
      );
      const rights = { role: reader.name, objectType: "database", privileges: ["TEMPORARY", "CONNECT"] };
      new postgresql.Grant("rights", { ...rights, database: plain.name }, options);
      const usage = { role: reader.name, objectType: "schema", schema: "public", privileges: ["ALL"] };
      new postgresql.Grant("usage", { ...usage, database: plain.name }, options);
      return Promise.resolve({});
    };
    const project = await createProject({ program });
    try {
      await takeTurns(project, pair);
      const states = [];
      for (const plugin of [pair.official, pair.standIn]) {
        project.change({ plugins: [plugin] });
        await project.up();
        states.push(await stateOf(project));
        await project.destroy();
      }
      assert.deepEqual(states[1], states[0]);
    } finally {
      await project.dispose();
    }
  });

  describe("answer alike", () => {
    let theirs: PluginClient;
    let ours: PluginClient;
    before(async () => {
      const config = {
        host: "127.0.0.1",
        port: server.port,
        username: ADMIN,
        password: ADMIN_PASSWORD,
        sslmode: "disable",
      };
      theirs = await PluginClient.start(pair.official.program, config);
      ours = await PluginClient.start(await executableOf(pair.standIn.program), config);
      for (const role of ["a", "b"]) await server.sql(`CREATE ROLE ${role}`);
      await server.sql("CREATE DATABASE place");
    });
    after(() => {
      theirs.stop();
      ours.stop();
    });

    const role = { type: "postgresql:index/role:Role", inputs: { name: "r", login: true, password: "p" } };
    const database = { type: "postgresql:index/database:Database", inputs: { name: "d", owner: "a" } };
    const grant = {
      type: "postgresql:index/grant:Grant",
      inputs: { role: "a", database: "place", objectType: "database", privileges: ["CONNECT"] },
    };
    const changes: [{ type: string; inputs: Values }, ...Values[]][] = [
      [role, { password: "q", connectionLimit: 3 }, { password: undefined, connectionLimit: undefined }],
      [role, { roles: ["b", "a"] }, { roles: ["b"] }, { roles: [] }, { roles: undefined }],
      [role, { searchPaths: ["x", "y"] }, { searchPaths: ["y"] }, { searchPaths: ["z", "y"] }, {}],
      [role, { statementTimeout: 5, assumeRole: "a" }, { statementTimeout: 0, assumeRole: "" }],
      [role, { createDatabase: true, inherit: false, validUntil: "2031-01-01 00:00:00+00" }, {}],
      [role, { name: "r2" }],
      [role, { name: undefined }],
      [role, { password: UNKNOWN }],
      [role, { name: UNKNOWN }],
      [role, { skipDropRole: true, superuser: false }],
      [database, { owner: "b", connectionLimit: 5 }, { owner: undefined, connectionLimit: undefined }],
      [database, { name: "d2" }],
      [database, { encoding: "UTF8", template: "template0" }],
      [database, { encoding: "LATIN1" }],
      [database, { template: "template1" }],
      [database, { owner: UNKNOWN, template: UNKNOWN }],
      [database, { isTemplate: true, allowConnections: false }, { isTemplate: false }],
      [grant, { privileges: ["TEMPORARY", "CONNECT"] }, { privileges: ["CREATE"] }, { privileges: [] }],
      [grant, { privileges: ["ALL"] }, { privileges: ["CONNECT", UNKNOWN] }],
      [grant, { privileges: UNKNOWN }],
      [grant, { privileges: [] }, { privileges: ["CONNECT"] }],
      [grant, { role: "b" }],
      [grant, { role: "public", database: UNKNOWN }],
      [grant, { withGrantOption: true }],
      [grant, { objectType: "schema", schema: "public", privileges: ["USAGE"] }],
    ];
    for (const [{ type, inputs }, ...steps] of changes) {
      it(`${type.split(":")[2]!} ${steps.map((step) => JSON.stringify(step)).join(" → ")}`, async () => {
        const checked = await theirs.check(type, inputs);
        assert.deepEqual(await ours.check(type, inputs), checked);
        let oldInputs = inTheClear(checked.inputs);
        const made = await theirs.create(type, oldInputs);
        let olds = inTheClear(made.outputs);
        const { id } = made;
        try {
          for (const step of steps) {
            const wanted = Object.fromEntries(
              Object.entries({ ...inputs, ...step }).filter(([, value]) => value !== undefined),
            );
            const news = await theirs.check(type, wanted, oldInputs);
            assert.deepEqual(await ours.check(type, wanted, oldInputs), news);
            const preview = inTheClear(news.inputs);
            assert.deepEqual(
              await ours.create(type, preview, true),
              await theirs.create(type, preview, true),
            );
            const state = { id, olds, news: preview, oldInputs };
            const answer = await theirs.diff(type, state);
            assert.deepEqual(await ours.diff(type, state), answer);
            const isKnown = !JSON.stringify(preview).includes(UNKNOWN);
            if (answer.changes !== "some" || answer.replaces.length > 0 || !isKnown) continue;
            const updated = await ours.update(type, state);
            // A second rename would find nothing to rename.
            if (wanted.name === oldInputs.name) assert.deepEqual(updated, await theirs.update(type, state));
            [olds, oldInputs] = [inTheClear(updated), preview];
            const read = await theirs.read(type, id, olds, oldInputs);
            assert.deepEqual(await ours.read(type, id, olds, oldInputs), read);
            [olds, oldInputs] = [inTheClear(read.outputs), inTheClear(read.inputs)];
          }
          if (type !== grant.type) assert.deepEqual(await ours.read(type, id), await theirs.read(type, id));
        } finally {
          await ours.delete(type, id, olds);
        }
        const gone = await theirs.read(type, id, olds, oldInputs);
        if (type !== grant.type) assert.deepEqual(await ours.read(type, id, olds, oldInputs), gone);
      });
    }
  });
});
