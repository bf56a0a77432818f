/** The postgresql stand-in through the real engine, on a real server. */
import assert from "node:assert/strict";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { Client } from "pg";
import { isPlainAscii, matches, md5Verifier, scramVerifier } from "../../toolchain/plugins/postgresql/scram";
import { createProject, standIn, type TestProject } from "./support/engine";
import { ADMIN, ADMIN_PASSWORD, TestPostgres, freePort } from "./support/postgres";

const PASSWORD = "app-password-of-tests'\\$1";
const OTHER_PASSWORD = "another-password-of-tests";

/** Unlike the SDK's classes, it hands on properties that there are not. */
class Raw extends pulumi.CustomResource {}

interface Settings {
  connectionLimit?: number;
  password?: string;
  provider?: Partial<postgresql.ProviderArgs>;
  more?: (provider: postgresql.Provider) => void;
}

describe("postgresql stand-in", function () {
  this.timeout(180_000);
  let server: TestPostgres;
  let project: TestProject;

  /** One app's database as the fleet makes it, and a role that it is closed to. */
  const app = (settings: Settings) => () => {
    const provider = provide(settings.provider);
    const options = { provider };
    const role = new postgresql.Role(
      "crm-role",
      {
        name: "crm",
        login: true,
        password: pulumi.secret(settings.password ?? PASSWORD),
        connectionLimit: settings.connectionLimit ?? 5,
      },
      options,
    );
    const database = new postgresql.Database("crm-db", { name: "crm_db", owner: role.name }, options);
    new postgresql.Grant(
      "crm-connect",
      { role: "public", database: database.name, objectType: "database", privileges: [] },
      options,
    );
    new postgresql.Role("stranger", { name: "stranger", login: true, password: OTHER_PASSWORD }, options);
    settings.more?.(provider);
    return Promise.resolve({ encoding: database.encoding, owner: database.owner });
  };
  const provide = (args: Partial<postgresql.ProviderArgs> = {}) =>
    new postgresql.Provider("server", {
      host: "127.0.0.1",
      port: server.port,
      username: ADMIN,
      password: pulumi.secret(ADMIN_PASSWORD),
      sslmode: "disable",
      connectTimeout: 5,
      ...args,
    });
  const run = (settings: Settings = {}): void => project.change({ program: app(settings) });
  const only = (resources: (provider: postgresql.Provider) => unknown): void =>
    project.change({
      program: () => {
        resources(provide());
        return Promise.resolve({});
      },
    });
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

  const refused: [what: string, settings: () => Settings, message: RegExp][] = [
    [
      "a type that it does not have",
      () => ({ more: (provider) => new postgresql.Extension("e", { name: "hstore" }, { provider }) }),
      /resource type postgresql:index\/extension:Extension is not supported.*Install the official plugin/s,
    ],
    [
      "a property that it does not have",
      () => ({
        more: (provider) =>
          new postgresql.Role(
            "r",
            { name: "r", passwordWo: "hidden-pw", passwordWoVersion: "1" },
            { provider },
          ),
      }),
      /passwordWo of Role is not supported by this stand-in plugin/,
    ],
    [
      "an unknown property",
      () => ({
        more: (provider) =>
          new Raw(
            "postgresql:index/role:Role",
            "r",
            { name: "r", conectionLimit: 1 },
            { provider, version: "3.18.1" },
          ),
      }),
      /Role has no property conectionLimit; did you mean connectionLimit\?/,
    ],
    [
      "a privilege that a database has not",
      () => ({
        more: (provider) =>
          new postgresql.Grant(
            "g",
            { role: "stranger", database: "crm_db", objectType: "database", privileges: ["SELECT"] },
            { provider },
          ),
      }),
      /privileges has "SELECT"; a database has ALL, CREATE, CONNECT, TEMPORARY/,
    ],
    [
      "a kind of object that it does not have",
      () => ({
        more: (provider) =>
          new postgresql.Grant(
            "g",
            { role: "stranger", database: "crm_db", schema: "public", objectType: "table", privileges: [] },
            { provider },
          ),
      }),
      /objectType is "table"; this stand-in plugin knows database and schema/,
    ],
    [
      "an option of the provider that it does not have",
      () => ({ provider: { awsRdsIamAuth: true } }),
      /The option awsRdsIamAuth is not supported by this stand-in plugin/,
    ],
    [
      "an unknown TLS mode",
      () => ({ provider: { sslmode: "always" } }),
      /sslmode is "always"; allowed are disable, prefer, require/,
    ],
  ];
  for (const [what, settings, message] of refused) {
    it(`refuses ${what}`, async () => {
      run(settings());
      await assert.rejects(project.preview(), message);
    });
  }

  const unreachable: [
    what: string,
    args: () => Promise<Partial<postgresql.ProviderArgs>>,
    message: RegExp,
  ][] = [
    ["no server", async () => ({ port: await freePort() }), /Nothing listens at 127\.0\.0\.1:\d+/],
    [
      "a wrong password",
      () => Promise.resolve({ password: "wrong-secret" }),
      /refuses to sign in admin: password authentication failed/,
    ],
    ["no TLS", () => Promise.resolve({ sslmode: "require" }), /has no TLS, and sslmode is require/],
    ["no such database", () => Promise.resolve({ database: "nowhere" }), /has no database nowhere/],
  ];
  for (const [what, args, message] of unreachable) {
    it(`says what is wrong with ${what}, and no password`, async () => {
      const provider = await args();
      run({ connectionLimit: 8, provider });
      await assert.rejects(project.up(), (error: Error) => {
        assert.match(error.message, message);
        for (const secret of ["wrong-secret", ADMIN_PASSWORD, PASSWORD]) {
          assert.ok(!error.message.includes(secret), "a password is in the message");
        }
        return true;
      });
    });
  }

  it("takes TLS only if there is some, where it is preferred", async () => {
    run({ connectionLimit: 9, provider: { sslmode: "prefer" } });
    await project.up();
    const [role] = await server.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'crm'");
    assert.equal(role?.rolconnlimit, 9);
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

  it("removes what somebody else removed before", async () => {
    only((provider) => {
      const role = new postgresql.Role("gone-role", { name: "gone" }, { provider });
      const database = new postgresql.Database(
        "gone-db",
        { name: "gone_db", owner: role.name },
        { provider },
      );
      const rule = { role: "public", objectType: "database", privileges: [] };
      new postgresql.Grant("gone-connect", { ...rule, database: database.name }, { provider });
    });
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

describe("password verifiers", () => {
  const ascii = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 60 });

  it("match the password that they were made of, and no other", () => {
    fc.assert(
      fc.property(ascii, ascii, (password, other) => {
        for (const verifier of [scramVerifier(password), md5Verifier(password, "crm")]) {
          assert.equal(matches(verifier, password, "crm"), true);
          assert.equal(matches(verifier, other, "crm"), other === password);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("are left to the server where the password is no plain ASCII", () => {
    assert.equal(isPlainAscii("pässword"), false);
    assert.equal(matches(scramVerifier("x"), "pässword", "crm"), undefined);
  });
});
