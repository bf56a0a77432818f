/** Platform and tenants' stacks on the real engine, with resource plugins that answer at once. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { descendants } from "../../bench/support/processes";
import { sendSignal } from "../../providers/local/support/processes";
import { isAlive } from "../../toolchain/process";
import { readStackLocks } from "../../toolchain/stack-lock";
import { InstantProject, type Ended } from "./support/instant-project";

interface Report {
  ok: boolean;
  exitCode: number;
  stacks: {
    stack: string;
    ok: boolean;
    error?: string;
    changes: Record<string, number>;
    effects: { kind: string; part: string; key: string }[];
  }[];
}

const report = (run: Ended) => JSON.parse(run.stdout) as Report;
const stackOf = (run: Ended, name: string) => {
  const found = report(run).stacks.find(({ stack }) => stack === name);
  assert.ok(found, run.stdout + run.stderr);
  return found;
};

describe("tenants' stacks", function () {
  this.timeout(10 * 60_000);
  let project: InstantProject;
  const platform = { environments: { blue: {}, green: {} }, deletion: "delete" };
  const tenant = (values: object = {}) => ({
    platformStack: "platform",
    deletion: "delete",
    apps: { crm: { environment: "blue" }, erp: { isolation: "dedicated" } },
    ...values,
  });

  before(async () => {
    project = await InstantProject.create();
    project.write("platform", platform);
  });

  after(() => project.remove());

  it("say which platform must be up before them", async () => {
    project.write("acme", tenant());
    const run = await project.fleet(["preview", "--stack", "acme"]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /acme stands on platform stack "platform", which was never brought up/);
    assert.match(run.stderr, /fleet up --stack platform/);
  });

  it("come up with their platform, which comes first, and one that is faulty stops no other", async () => {
    project.write("globex", tenant());
    project.write("initech", tenant({ apps: { crm: { environment: "bleu" } } }));
    const run = await project.fleet(["up", "--all", "--json"]);
    assert.equal(run.code, 1, run.stderr);
    assert.deepEqual(
      report(run).stacks.map(({ stack, ok }) => [stack, ok]),
      [
        ["platform", true],
        ["acme", true],
        ["globex", true],
        ["initech", false],
      ],
    );
    assert.match(stackOf(run, "initech").error ?? "", /"bleu".*\n.*allowed: blue, green/);
    const { effects } = stackOf(run, "acme");
    assert.deepEqual(
      effects.map(({ kind, part, key }) => `${kind} ${part} ${key}`),
      ["created app crm", "created app erp"],
    );
  });

  it("hold nothing secret in the clear", () => {
    const state = project.state("acme") ?? "";
    const { checkpoint } = JSON.parse(state) as {
      checkpoint: { latest: { resources: { type: string; inputs?: Record<string, unknown> }[] } };
    };
    const { resources } = checkpoint.latest;
    const provider = resources.find(({ type }) => type === "pulumi:providers:postgresql");
    assert.ok(JSON.stringify(provider?.inputs?.password).includes("ciphertext"));
    const host = resources.find(({ type }) => type === "nocobase:index:Application")?.inputs?.host;
    assert.match(JSON.stringify(host), /"ciphertext"/);
    assert.doesNotMatch(JSON.stringify(host), /"password":"/);
  });

  it("change nothing of one another: one edited, one removed, none of the rest is touched", async () => {
    const before = { platform: project.state("platform"), globex: project.state("globex") };
    project.write("acme", tenant({ apps: { crm: { environment: "green" }, hr: { environment: "blue" } } }));
    const edited = await project.fleet(["up", "--stacks", "acme", "--json"]);
    assert.equal(edited.code, 0, edited.stdout + edited.stderr);
    assert.deepEqual(
      stackOf(edited, "acme").effects.map(({ kind, key }) => `${kind} ${key}`),
      ["lost erp", "moved crm", "created hr"],
    );
    const same = await project.fleet(["up", "--stacks", "acme", "--json"]);
    assert.deepEqual(stackOf(same, "acme").changes, {});
    assert.equal(project.state("platform"), before.platform);
    assert.equal(project.state("globex"), before.globex);
  });

  it("go on where a killed run left them: its locks are freed", async () => {
    project.write("umbra", tenant());
    const umbra = { project: "nocobase-fleet", stack: "umbra" };
    const backend = `file://${join(project.folder, ".pulumi-state")}`;
    let left: number[] = [];
    const killed = await project.fleet(["up", "--stacks", "umbra", "--json"], {}, (pid) => {
      const timer = setInterval(() => {
        // `stack init` takes a lock, too, for a moment: only a state with resources tells that `up` is at work.
        const isAtWork = /"urn":/.test(project.state("umbra") ?? "");
        if (!isAtWork || readStackLocks(backend, umbra).length === 0) return;
        clearInterval(timer);
        left = descendants(pid).slice(1);
        // As the kernel does when memory runs out: nobody can say goodbye.
        for (const each of [pid, ...left]) sendSignal(each, "SIGKILL");
      }, 20);
    });
    assert.equal(killed.code, null);
    // The kernel takes a moment to free an engine's memory.
    while (left.some(isAlive)) await sleep(20);
    assert.deepEqual(
      [left.length > 0, readStackLocks(backend, umbra).map(({ isStale }) => isStale)],
      [true, [true]],
      "the lock stays",
    );
    const again = await project.fleet(["up", "--stacks", "umbra", "--json"]);
    assert.equal(again.code, 0, again.stdout + again.stderr);
    const gone = await project.fleet(["destroy", "--stacks", "umbra", "--json"]);
    assert.equal(gone.code, 0, gone.stdout + gone.stderr);
    rmSync(project.stackFile("umbra"));
  });

  it("go on where a run was killed between a new stack's lock and its first state", async () => {
    project.write("penumbra", tenant());
    const locks = join(project.folder, ".pulumi-state/.pulumi/locks/organization/nocobase-fleet/penumbra");
    mkdirSync(locks, { recursive: true });
    // Of a process that has ended.
    const { pid } = spawnSync("true");
    const lock = { pid, username: "somebody", hostname: hostname(), timestamp: new Date().toISOString() };
    writeFileSync(join(locks, "killed.json"), JSON.stringify(lock));
    for (const operation of ["up", "destroy"]) {
      const run = await project.fleet([operation, "--stacks", "penumbra", "--json"]);
      assert.equal(run.code, 0, run.stdout + run.stderr);
    }
    rmSync(project.stackFile("penumbra"));
  });

  it("are told of what would be lost, by an exit code and a page", async () => {
    project.write("acme", tenant({ apps: { crm: { environment: "green" } } }));
    const page = join(project.folder, "page.md");
    const run = await project.fleet(["preview", "--stacks", "acme,globex", "--markdown", page]);
    assert.equal(run.code, 4, run.stdout + run.stderr);
    const text = readFileSync(page, "utf8");
    assert.match(text, /^<!-- nocobase-fleet preview -->\n## Fleet preview: data would be lost\n/);
    assert.match(text, /- \*\*hr of acme: deleted with its database and files\*\*/);
    assert.match(text, /^- hr-db \(Database\)$/m);
    assert.match(text, /```mermaid\nflowchart LR\n/);

    project.write("acme", tenant({ deletion: "protect", apps: { crm: { environment: "green" } } }));
    const safe = await project.fleet(["preview", "--stack", "globex", "--markdown", page]);
    assert.equal(safe.code, 0, safe.stdout + safe.stderr);
    assert.match(readFileSync(page, "utf8"), /## Fleet preview: no changes/);
  });

  it("can't lose the ground: an environment, a server, the platform itself", async () => {
    project.write("platform", { ...platform, environments: { blue: {} } });
    for (const args of [
      ["preview", "--stack", "platform"],
      ["up", "--stack", "platform"],
    ]) {
      const run = await project.fleet(args);
      assert.equal(run.code, 1, run.stdout);
      assert.match(run.stderr, /platform would lose what tenants' apps stand on; nothing was touched/);
      assert.match(run.stderr, /^ {2}acme: crm runs in environment green$/m);
      assert.doesNotMatch(run.stderr, /globex/);
    }
    const databaseServers = { other: { kind: "managed" } };
    project.write("platform", { ...platform, databaseServers });
    const server = await project.fleet(["preview", "--stack", "platform"]);
    assert.match(server.stderr, /^ {2}globex: .*erp has its database on server main/m);

    const destroy = await project.fleet(["destroy", "--stack", "platform", "--yes"]);
    assert.equal(destroy.code, 1);
    assert.match(destroy.stderr, /platform can't be destroyed: tenants stand on it/);
    assert.match(destroy.stderr, /^ {2}acme: /m);
    assert.match(destroy.stderr, /^ {2}globex: crm, erp$/m);
  });

  it("go before their platform, which goes once none is left", async () => {
    project.write("platform", platform);
    const run = await project.fleet(["destroy", "--stacks", "acme,globex,platform", "--json"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(
      report(run).stacks.map(({ stack }) => stack),
      ["acme", "globex", "platform"],
    );
    const state = parse(project.state("platform") ?? "") as { checkpoint: { latest: { resources?: [] } } };
    assert.equal(state.checkpoint.latest.resources?.length ?? 0, 0);
  });
});
