import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { backendEnvironment } from "../../toolchain/backend";
import { ensureToolchain, type Toolchain } from "../../toolchain/ensure";
import { ADMIN, ADMIN_PASSWORD, TestPostgres } from "../plugins/support/postgres";
import { eventually, openApp, statusOf } from "./support/fleet";
import { createNotes, underLoad } from "./support/load";
import { gatewayPort, LocalHarness } from "./support/local";
import { Project } from "./support/project";

/** A single app on a PostgreSQL server that isn't the fleet's, driven by plain `pulumi` as well. */
describe("external database server, and plain pulumi", function () {
  this.timeout(10 * 60_000);
  let postgres: TestPostgres;
  let project: Project;
  let harness: LocalHarness;
  let toolchain: Toolchain;

  /** Plain `pulumi ARGS`, in the environment that `fleet setup` writes. */
  const pulumi = (...args: string[]) =>
    execFileSync(toolchain.engine.path, [...args, "--stack", project.stack, "--non-interactive"], {
      cwd: project.folder,
      encoding: "utf8",
      env: { ...process.env, ...toolchain.env, ...backendEnvironment(project.folder, process.env) },
    });

  before(async () => {
    toolchain = await ensureToolchain();
    postgres = await TestPostgres.start();
    project = new Project(`ext${process.pid}`, {
      platform: "local",
      deletion: "delete",
      gateway: { port: gatewayPort() + 1000 },
      databaseServers: {
        company: {
          kind: "external",
          host: "127.0.0.1",
          port: postgres.port,
          adminUser: ADMIN,
          sslMode: "disable",
        },
      },
    });
    harness = new LocalHarness(project);
    pulumi("stack", "init");
    pulumi("config", "set", "--secret", "--path", "nocobase-fleet:databaseServerPasswords.company", "wrong");
    project.reload();
  });

  after(async () => {
    await harness.cleanUp();
    await postgres.stop();
  });

  it("says that the server refuses the administrator's password, and makes nothing", async () => {
    const run = await project.fleet("up");
    assert.equal(run.code, 1);
    assert.match(run.output, /password authentication failed/);
    assert.doesNotMatch(run.output, /\n\s+at .*\.[jt]s:\d+/, "a stack trace");
  });

  it("brings the app up with the right password", async () => {
    pulumi(
      "config",
      "set",
      "--secret",
      "--path",
      "nocobase-fleet:databaseServerPasswords.company",
      ADMIN_PASSWORD,
    );
    project.reload();
    await project.succeed("up");
    await (await openApp(project, "entry")).signIn();
  });

  it("is the same program under plain pulumi: nothing to change", () => {
    assert.match(pulumi("preview", "--expect-no-changes"), /unchanged/);
  });

  it("takes an edit by plain `pulumi up`", async () => {
    project.edit((values) => (values.entry = { title: "Control plane", heapLimitMiB: 1500 }));
    assert.match(pulumi("up", "--yes", "--skip-preview"), /1 updated|~ \d+ updated/);
    await (await openApp(project, "entry")).signIn();
  });

  it("runs the entry app in two processes, and in one again, unnoticed by who uses it", async () => {
    const app = await openApp(project, "entry");
    await createNotes(app);
    const before = await harness.identities();
    for (const replicas of [2, 1]) {
      project.edit((values) => (values.entry = { ...(values.entry as object), replicas }));
      const report = await underLoad(app, () => project.succeed("up"));
      assert.deepEqual([report.failedReads, report.failedWrites], [[], []]);
      const after = await harness.identities();
      assert.equal(Object.keys(after).length, Object.keys(before).length + replicas - 1);
      for (const [name, identity] of Object.entries(before)) assert.equal(after[name], identity, name);
      const ready = (await statusOf(project)).entry!.replicas;
      assert.deepEqual(ready ?? { ready: 1, wanted: 1 }, { ready: replicas, wanted: replicas });
    }
  });

  it("is destroyed by plain `pulumi destroy`, and leaves the server with none of its databases", async () => {
    pulumi("destroy", "--yes", "--skip-preview");
    await eventually("nothing is left", 15, async () => (await harness.leftovers()).length === 0);
    const rows = await postgres.sql("select datname from pg_database where datname like 'ext%'");
    assert.deepEqual(rows, []);
  });

  it("refuses a faulty stack file with every fault and exit code 2, under plain pulumi without a stack trace", async () => {
    project.edit((values) => {
      values.apps = { CRM: {}, erp: { environment: "gren" } };
      values.environments = { green: {} };
    });
    const run = await project.fleet("up");
    assert.equal(run.code, 2);
    assert.match(run.output, /apps\.CRM/);
    assert.match(run.output, /apps\.erp\.environment/);
    assert.throws(
      () => pulumi("preview"),
      (error: { stdout: string }) => {
        assert.match(error.stdout, /apps\.erp\.environment/);
        assert.doesNotMatch(error.stdout, new RegExp(`at .*${path.sep}config${path.sep}`));
        return true;
      },
    );
  });
});
