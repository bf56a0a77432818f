/** Three hundred tenants on one platform: what happens to one is nobody else's affair. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyTenant, platformValues, stateFile, tenantName, tenantValues } from "../../bench/instant/tenants";
import { InstantProject, type Ended } from "./support/instant-project";

const COUNT = 300;

interface Report {
  stacks: { stack: string; ok: boolean; error?: string; changes: Record<string, number> }[];
}

describe("three hundred tenants", function () {
  this.timeout(5 * 60_000);
  let project: InstantProject;
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      cwd: project.folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  const outcomes = (run: Ended) =>
    (JSON.parse(run.stdout) as Report).stacks.map(({ stack, ok }) => `${stack} ${ok ? "ok" : "failed"}`);

  /** By stack. */
  function hashes(): Record<string, string> {
    const folder = dirname(stateFile(project.folder, "platform"));
    return Object.fromEntries(
      readdirSync(folder)
        .filter((file) => file.endsWith(".json"))
        .map((file) => [
          file.replace(/\.json$/, ""),
          createHash("sha256")
            .update(readFileSync(join(folder, file)))
            .digest("hex"),
        ]),
    );
  }

  function differing(before: Record<string, string>, after: Record<string, string>): string[] {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].filter((name) => before[name] !== after[name]).sort();
  }

  before(async () => {
    project = await InstantProject.create();
    project.write("platform", platformValues);
    project.write(tenantName(0), tenantValues);
    const up = await project.fleet(["up", "--all", "--json"]);
    assert.equal(up.code, 0, up.stdout + up.stderr);
    for (let index = 1; index < COUNT; index++) copyTenant(project.folder, tenantName(0), tenantName(index));
    writeFileSync(join(project.folder, ".gitignore"), ".pulumi-state/\n.fleet/\nproviders/\n");
    git("init", "--quiet", "--initial-branch", "main");
    git("add", ".");
    git("commit", "--quiet", "--message", "tenants");
    git("checkout", "--quiet", "-b", "work");
  });

  after(() => project.remove());

  it("are previewed without a change", async () => {
    const run = await project.fleet(["preview", "--stacks", "tenant-001,tenant-299", "--json"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(
      (JSON.parse(run.stdout) as Report).stacks.map(({ stack, changes }) => [stack, changes]),
      [
        ["tenant-001", {}],
        ["tenant-299", {}],
      ],
    );
  });

  it("keep their states, byte for byte, while one is edited, one added and one broken", async () => {
    const before = hashes();
    assert.equal(Object.keys(before).length, COUNT + 1);
    project.write("tenant-123", {
      ...tenantValues,
      apps: { ...tenantValues.apps, crm: { environment: "blue", title: "Customers" } },
    });
    project.write("tenant-200", { ...tenantValues, apps: { crm: { environment: "bleu" } } });
    project.write("tenant-300", tenantValues);
    const run = await project.fleet(["up", "--changed", "main", "--json"]);
    assert.equal(run.code, 1, run.stderr);
    assert.deepEqual(outcomes(run), ["tenant-123 ok", "tenant-200 failed", "tenant-300 ok"]);
    assert.deepEqual(differing(before, hashes()), ["tenant-123", "tenant-300"]);
  });

  it("are mended one by one: the broken one's file is put back, and it alone is run again", async () => {
    const before = hashes();
    git("checkout", "--quiet", "main", "--", "Pulumi.tenant-200.yaml");
    const run = await project.fleet(["up", "--stacks", "tenant-200", "--json"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(differing(before, hashes()), ["tenant-200"]);
    const locks = join(project.folder, ".pulumi-state/.pulumi/locks/organization/nocobase-fleet");
    const left = existsSync(locks) ? readdirSync(locks, { recursive: true }).map(String) : [];
    assert.deepEqual(
      left.filter((file) => file.endsWith(".json")),
      [],
    );
  });
});
