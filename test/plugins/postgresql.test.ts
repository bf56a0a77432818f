/** The postgresql stand-in through the real engine, on a real server. */
import assert from "node:assert/strict";
import * as postgresql from "@pulumi/postgresql";
import { Client } from "pg";
import { OTHER_PASSWORD, PASSWORD, administrator, appDatabase, type Settings } from "./support/app-database";
import { createProject, standIn, type TestProject } from "./support/engine";
import { ADMIN, ADMIN_PASSWORD, TestPostgres } from "./support/postgres";

describe("postgresql stand-in", function () {
  this.timeout(180_000);
  let server: TestPostgres;
  let project: TestProject;
  const run = (settings?: Settings): void => project.change({ program: appDatabase(server, settings) });
  const connect = (user: string, password: string) =>
    server.sql("SELECT current_user", [], { user, password, database: "crm_db" });

  before(async () => {
    server = await TestPostgres.start();
    project = await createProject({
      program: () => Promise.resolve({}),
      plugins: [standIn("postgresql")],
    });
  });
  after(async () => {
    await project.dispose();
    await server.stop();
  });

  it("makes a role without rights, its database, and closes that to all others", async () => {
    run();
    const { outputs, steps } = await project.up();
    assert.equal(outputs.encoding?.value, "UTF8");
    assert.equal(outputs.owner?.value, "crm");
    assert.deepEqual(steps.map(({ op, name }) => [op, name]).sort(), [
      ["create", "crm-connect"],
      ["create", "crm-db"],
      ["create", "crm-role"],
      ["create", "stranger"],
    ]);
    const [role] = await server.sql("SELECT * FROM pg_roles WHERE rolname = 'crm'");
    assert.deepEqual(
      [role?.rolsuper, role?.rolcreatedb, role?.rolcreaterole, role?.rolreplication, role?.rolbypassrls],
      [false, false, false, false, false],
    );
    assert.equal(role?.rolconnlimit, 5);
    assert.deepEqual(await connect("crm", PASSWORD), [{ current_user: "crm" }]);
    await assert.rejects(connect("stranger", OTHER_PASSWORD), /permission denied for database "crm_db"/);
    await assert.rejects(connect("crm", "wrong"), /password authentication failed/);
  });

  it("sees no change afterwards", async () => {
    run();
    assert.deepEqual((await project.preview()).steps, []);
    await project.refresh();
    assert.deepEqual((await project.preview()).steps, []);
    assert.deepEqual((await project.up()).steps, []);
  });

  it("keeps passwords out of the server's log and of the state on disk", async () => {
    const [stored] = await server.sql("SELECT passwd FROM pg_shadow WHERE usename = 'crm'");
    assert.match(String(stored?.passwd), /^SCRAM-SHA-256\$4096:/);
    const [log, state] = await Promise.all([server.log(), project.stateText()]);
    assert.match(log, /CREATE ROLE "crm" WITH PASSWORD 'SCRAM-SHA-256/);
    for (const secret of [PASSWORD.slice(0, 20), OTHER_PASSWORD, ADMIN_PASSWORD]) {
      assert.ok(!log.includes(secret), "a password is in the server's log");
      assert.ok(!state.includes(secret), "a password is in the state in the clear");
    }
    const shown = await project.pulumi("stack", "export", "--show-secrets");
    assert.ok(shown.includes(OTHER_PASSWORD));
  });

  it("changes connection limit and password in place", async () => {
    const [before] = await server.sql("SELECT oid FROM pg_roles WHERE rolname = 'crm'");
    run({ connectionLimit: 7, password: OTHER_PASSWORD });
    const { steps } = await project.preview();
    assert.deepEqual(
      steps.map(({ op, name, diff }) => ({ op, name, diff })),
      [{ op: "update", name: "crm-role", diff: { connectionLimit: "update", password: "update" } }],
    );
    await project.up();
    const [after] = await server.sql("SELECT oid, rolconnlimit FROM pg_roles WHERE rolname = 'crm'");
    assert.deepEqual(after, { oid: before?.oid, rolconnlimit: 7 });
    assert.deepEqual(await connect("crm", OTHER_PASSWORD), [{ current_user: "crm" }]);
    await assert.rejects(connect("crm", PASSWORD), /password authentication failed/);
  });

  it("finds what was changed by hand, and puts it right", async () => {
    run();
    await project.up();
    await server.sql("ALTER ROLE crm CREATEDB CONNECTION LIMIT 99 PASSWORD 'changed-by-hand'");
    await server.sql("GRANT CONNECT ON DATABASE crm_db TO PUBLIC");
    await project.refresh();
    const { steps } = await project.preview();
    assert.deepEqual(Object.fromEntries(steps.map(({ name, diff }) => [name, diff])), {
      "crm-role": { connectionLimit: "update", createDatabase: "update", password: "update" },
      "crm-connect": { privileges: "delete" },
    });
    await project.up();
    assert.deepEqual((await project.preview()).steps, []);
    assert.deepEqual(await connect("crm", PASSWORD), [{ current_user: "crm" }]);
    await assert.rejects(connect("stranger", OTHER_PASSWORD), /permission denied/);
  });

  it("makes again what was dropped by hand", async () => {
    await server.sql("DROP DATABASE crm_db");
    const { steps } = await project.refresh();
    assert.deepEqual(
      steps
        .filter(({ op }) => op === "delete")
        .map(({ name }) => name)
        .sort(),
      ["crm-connect", "crm-db"],
    );
    const made = await project.up();
    assert.deepEqual(
      made.steps.map(({ op, name }) => [op, name]),
      [
        ["create", "crm-db"],
        ["create", "crm-connect"],
      ],
    );
    await assert.rejects(connect("stranger", OTHER_PASSWORD), /permission denied/);
  });

  it("never takes over a role or database that is there already", async () => {
    await server.sql("CREATE ROLE foreigner PASSWORD 'theirs'");
    await server.sql("CREATE DATABASE foreign_db");
    const before = await server.sql("SELECT passwd FROM pg_shadow WHERE usename = 'foreigner'");
    run({
      more: (provider) => new postgresql.Role("mine", { name: "foreigner", login: true }, { provider }),
    });
    await assert.rejects(
      project.up(),
      /There is a role foreigner on 127\.0\.0\.1:\d+ already.*pulumi import/s,
    );
    run({ more: (provider) => new postgresql.Database("mine", { name: "foreign_db" }, { provider }) });
    await assert.rejects(project.up(), /There is a database foreign_db on .* already/);
    assert.deepEqual(await server.sql("SELECT passwd FROM pg_shadow WHERE usename = 'foreigner'"), before);
  });

  it("adopts a role and a database by import", async () => {
    const adopt = (imported: boolean) => (provider: postgresql.Provider) => {
      const options = (id: string) => ({ provider, ...(imported ? { import: id } : {}) });
      new postgresql.Role("adopted-role", { name: "foreigner" }, options("foreigner"));
      new postgresql.Database(
        "adopted-db",
        { name: "foreign_db", owner: ADMIN, template: "template0", encoding: "UTF8", isTemplate: false },
        options("foreign_db"),
      );
    };
    run({ more: adopt(true) });
    const { steps } = await project.up();
    const imported = steps.filter(({ op }) => op === "import").map(({ name }) => name);
    assert.deepEqual(imported.sort(), ["adopted-db", "adopted-role"]);
    run({ more: adopt(false) });
    await project.up();
    assert.deepEqual((await project.preview()).steps, []);
  });

  it("renames a role and a database in place, and grants on a schema", async () => {
    const resources = (suffix: string, privileges: string[]) => (provider: postgresql.Provider) => {
      const role = new postgresql.Role(
        "shop-role",
        { name: `shop${suffix}`, roles: ["stranger"] },
        { provider },
      );
      const database = new postgresql.Database(
        "shop-db",
        { name: `shop_db${suffix}`, owner: role.name },
        { provider },
      );
      new postgresql.Grant(
        "shop-schema",
        { role: "stranger", database: database.name, schema: "public", objectType: "schema", privileges },
        { provider, deleteBeforeReplace: true },
      );
    };
    run({ more: resources("", ["USAGE"]) });
    await project.up();
    run({ more: resources("", ["USAGE", "CREATE"]) });
    const wider = await project.up();
    assert.deepEqual(
      wider.steps.map(({ op, name, diff }) => [op, name, diff]),
      [["update", "shop-schema", { "privileges[1]": "add" }]],
    );
    const granted = "SELECT has_schema_privilege('stranger', 'public', 'CREATE') AS yes";
    assert.deepEqual(await server.sql(granted, [], { database: "shop_db" }), [{ yes: true }]);
    run({ more: resources("2", ["USAGE"]) });
    const renamed = await project.up();
    const ops = Object.fromEntries(renamed.steps.map(({ op, name }) => [name, op]));
    assert.equal(ops["shop-role"], "update");
    assert.equal(ops["shop-db"], "update");
    assert.deepEqual(await server.sql(granted, [], { database: "shop_db2" }), [{ yes: false }]);
    run();
    await project.up();
  });

  it("removes grant, database and role in that order, connections or not", async () => {
    const client = new Client({
      host: "127.0.0.1",
      port: server.port,
      user: "crm",
      password: PASSWORD,
      database: "crm_db",
    });
    client.on("error", () => undefined);
    await client.connect();
    const { steps } = await project.destroy();
    await client.end().catch(() => undefined);
    const order = steps.filter(({ op }) => op === "delete").map(({ name }) => name);
    assert.ok(order.indexOf("crm-connect") < order.indexOf("crm-db"));
    assert.ok(order.indexOf("crm-db") < order.indexOf("crm-role"));
    assert.deepEqual(await server.sql("SELECT 1 FROM pg_database WHERE datname = 'crm_db'"), []);
    assert.deepEqual(await server.sql("SELECT 1 FROM pg_roles WHERE rolname IN ('crm', 'stranger')"), []);
  });

  it("gives and takes privileges of one database side by side", async () => {
    const program = () => {
      const provider = administrator(server);
      const database = new postgresql.Database("shared-db", { name: "shared_db" }, { provider });
      for (let number = 1; number <= 12; number++) {
        const role = new postgresql.Role(`guest-${number}`, { name: `guest_${number}` }, { provider });
        const what = { role: role.name, database: database.name, objectType: "database" };
        new postgresql.Grant(`guest-${number}-connect`, { ...what, privileges: ["CONNECT"] }, { provider });
      }
      return Promise.resolve({});
    };
    project.change({ program });
    await project.up();
    const { steps } = await project.destroy();
    assert.equal(steps.filter(({ op, name }) => op === "delete" && name.endsWith("-connect")).length, 12);
  });

  it("removes what somebody else removed before", async () => {
    const program = () => {
      const provider = administrator(server);
      const role = new postgresql.Role("gone-role", { name: "gone" }, { provider });
      const database = new postgresql.Database(
        "gone-db",
        { name: "gone_db", owner: role.name },
        { provider },
      );
      const rule = { role: "public", objectType: "database", privileges: [] };
      new postgresql.Grant("gone-connect", { ...rule, database: database.name }, { provider });
      return Promise.resolve({});
    };
    project.change({ program });
    await project.up();
    await server.sql("DROP DATABASE gone_db");
    await server.sql("DROP ROLE gone");
    await project.destroy();
    assert.deepEqual(await project.resources(), []);
  });

  it("works for an administrator who is no superuser", async () => {
    await server.sql("CREATE ROLE manager LOGIN CREATEDB CREATEROLE PASSWORD 'manager-password'");
    const provider = { username: "manager", password: "manager-password", superuser: false };
    run({ provider });
    await project.up();
    await assert.rejects(connect("stranger", OTHER_PASSWORD), /permission denied/);
    assert.deepEqual(await connect("crm", PASSWORD), [{ current_user: "crm" }]);
    await project.refresh();
    assert.deepEqual((await project.preview()).steps, []);
    const left = await server.sql(
      "SELECT 1 FROM pg_auth_members WHERE member = 'manager'::regrole AND roleid = 'crm'::regrole",
    );
    assert.deepEqual(left, [], "the administrator is still a member of the app's role");
    run({ provider, connectionLimit: 3 });
    await project.up();
    await project.destroy();
    assert.deepEqual(await server.sql("SELECT 1 FROM pg_roles WHERE rolname = 'crm'"), []);
  });
});
