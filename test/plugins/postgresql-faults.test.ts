/** What the postgresql stand-in refuses and how it says so, through the real engine; and its password verifiers. */
import assert from "node:assert/strict";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { isPlainAscii, matches, md5Verifier, scramVerifier } from "../../toolchain/plugins/postgresql/scram";
import { freePort } from "../support/ports";
import { PASSWORD, appDatabase, type Settings } from "./support/app-database";
import { createProject, standIn, type TestProject } from "./support/engine";
import { ADMIN_PASSWORD, TestPostgres } from "./support/postgres";

/** Unlike the SDK's classes, it hands on properties that there are not. */
class Raw extends pulumi.CustomResource {}

describe("postgresql stand-in in trouble", function () {
  this.timeout(180_000);
  let server: TestPostgres;
  let project: TestProject;
  const run = (settings?: Settings): void => project.change({ program: appDatabase(server, settings) });

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
