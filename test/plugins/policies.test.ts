/** The policy pack under the real engine, which starts it as it does for plain `pulumi preview --policy-pack`. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { backendEnvironment } from "../../toolchain/backend";
import { ensureToolchain } from "../../toolchain/ensure";
import { PROJECT_DIR } from "../../toolchain/locations";
import { run } from "../../toolchain/process";
import { InstantProject } from "./support/instant-project";

const FAULTY = `
import * as postgresql from "@pulumi/postgresql";
const provider = new postgresql.Provider("main", { host: "127.0.0.1", password: "p" });
const role = new postgresql.Role("crm-role", { name: "crm", superuser: true }, { provider });
new postgresql.Database("crm-db", { name: "crm", owner: role.name }, { provider });
`;

interface Report {
  exitCode: number;
  stacks: { stack: string; ok: boolean; error?: string; violations: object[] }[];
}

describe("the policy pack", function () {
  this.timeout(10 * 60_000);
  let project: InstantProject;
  const examples = ["platform", "acme", "globex", "dev", "shared", "single"];

  before(async () => {
    project = await InstantProject.create();
    for (const stack of examples) {
      const { config } = parse(readFileSync(join(PROJECT_DIR, `Pulumi.${stack}.yaml`), "utf8")) as {
        config: Record<string, unknown>;
      };
      const values = Object.entries(config).map(([key, value]) => [
        key.replace("nocobase-fleet:", ""),
        value,
      ]);
      project.write(stack, Object.fromEntries(values) as Record<string, unknown>);
    }
  });

  after(() => project.remove());

  it("finds nothing in any example stack, none of which is exempt", async () => {
    const up = await project.fleet(["up", "--stacks", "platform", "--json"]);
    assert.equal(up.code, 0, up.stdout + up.stderr);
    const run = await project.fleet(["preview", "--all", "--json"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const { stacks } = JSON.parse(run.stdout) as Report;
    assert.deepEqual(stacks.map(({ stack }) => stack).sort(), [...examples].sort());
    for (const { stack, violations } of stacks) assert.deepEqual(violations, [], stack);
  });

  it("forbids a faulty program's preview, naming policies and resources", async () => {
    const file = join(project.folder, "Pulumi.yaml");
    const settings = parse(readFileSync(file, "utf8")) as { main: string };
    settings.main = join(project.folder, "faulty.ts");
    writeFileSync(settings.main, FAULTY);
    writeFileSync(file, stringify(settings));
    const { engine, env } = await ensureToolchain();
    const context = {
      cwd: project.folder,
      env: {
        ...{ ...process.env, ...env, ...backendEnvironment(project.folder, process.env) },
        NODE_PATH: join(PROJECT_DIR, "node_modules"),
      },
      timeoutMs: 120_000,
    };
    const made = await run(engine.path, ["stack", "init", "faulty", "--non-interactive"], context);
    assert.equal(made.code, 0, made.stderr);
    const args = ["preview", "--stack", "faulty", "--non-interactive", "--color", "never"];
    const before = await run(engine.path, args, context);
    assert.equal(before.code, 0, before.stdout + before.stderr);
    const done = await run(engine.path, [...args, "--policy-pack", join(PROJECT_DIR, "policies")], context);
    assert.notEqual(done.code, 0, done.stdout);
    for (const policy of ["unprivileged-role", "limited-role", "closed-database", "decided-deletion"]) {
      assert.match(done.stdout, new RegExp(`\\[mandatory\\].* ${policy} `), policy);
    }
    assert.match(done.stdout, /The role would have the privilege superuser\./);
  });
});
