/** State backend, passphrase file, and what a lock on a stack tells. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { spawnSync } from "node:child_process";
import { backendEnvironment } from "../../toolchain/backend";
import { skipBecause } from "../support/skip";
import { describeLock, readStackLocks } from "../../toolchain/stack-lock";

describe("toolchain: state backend", () => {
  let project: string;
  let file: string;

  beforeEach(() => {
    project = fs.mkdtempSync(path.join(os.tmpdir(), "back end-"));
    file = path.join(project, ".pulumi-state", "passphrase");
  });
  afterEach(() => fs.rmSync(project, { recursive: true, force: true }));

  it("defaults to a file backend in the project with a passphrase of its own, for this user's eyes", () => {
    const env = backendEnvironment(project, {});
    const url = `file://${project.replace(" ", "%20")}/.pulumi-state?metadata=skip`;
    assert.deepEqual(env, { PULUMI_BACKEND_URL: url, PULUMI_CONFIG_PASSPHRASE_FILE: file });
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.equal(fs.statSync(path.dirname(file)).mode & 0o777, 0o700);
    assert.equal(Buffer.from(fs.readFileSync(file, "utf8"), "base64url").length, 32);
    assert.deepEqual(fs.readdirSync(path.dirname(file)), ["passphrase"]);
  });

  it("never writes a passphrase twice, also where its own variables are set already", () => {
    const env = backendEnvironment(project, {});
    const text = fs.readFileSync(file, "utf8");
    assert.deepEqual(backendEnvironment(project, {}), env);
    assert.deepEqual(backendEnvironment(project, env), env);
    assert.equal(fs.readFileSync(file, "utf8"), text);
  });

  it("gives two projects two passphrases", () => {
    const other = fs.mkdtempSync(path.join(os.tmpdir(), "backend-"));
    try {
      const files = [project, other].map(
        (dir) => backendEnvironment(dir, {}).PULUMI_CONFIG_PASSPHRASE_FILE ?? "",
      );
      assert.equal(new Set(files.map((name) => fs.readFileSync(name, "utf8"))).size, 2);
    } finally {
      fs.rmSync(other, { recursive: true });
    }
  });

  it("leaves backend and passphrase to the user who chose a backend", () => {
    assert.deepEqual(backendEnvironment(project, { PULUMI_BACKEND_URL: "s3://states" }), {});
    assert.deepEqual(fs.readdirSync(project), []);
  });

  for (const [name, value] of [
    ["PULUMI_CONFIG_PASSPHRASE", ""],
    ["PULUMI_CONFIG_PASSPHRASE", "my own"],
    ["PULUMI_CONFIG_PASSPHRASE_FILE", "/etc/my-own"],
  ] as const) {
    it(`leaves the passphrase to the user who set ${name}=${JSON.stringify(value)}`, () => {
      assert.deepEqual(Object.keys(backendEnvironment(project, { [name]: value })), ["PULUMI_BACKEND_URL"]);
      assert.equal(fs.existsSync(file), false);
    });
  }

  it("stops where the passphrase of existing stacks is gone, and makes no new one", () => {
    backendEnvironment(project, {});
    fs.rmSync(file);
    const stacks = path.join(project, ".pulumi-state", ".pulumi", "stacks", "nocobase-fleet");
    fs.mkdirSync(stacks, { recursive: true });
    fs.writeFileSync(path.join(stacks, "dev.json"), "{}");
    assert.throws(() => backendEnvironment(project, {}), /passphrase is gone, but there are stacks.*backup/s);
    assert.equal(fs.existsSync(file), false);
  });

  it("stops at an empty passphrase file", () => {
    backendEnvironment(project, {});
    fs.truncateSync(file);
    assert.throws(() => backendEnvironment(project, {}), /passphrase is empty\. Put it back/);
  });
});

describe("toolchain: locks on a stack", () => {
  let state: string;
  const ref = { project: "nocobase-fleet", stack: "dev" };

  beforeEach(() => (state = fs.mkdtempSync(path.join(os.tmpdir(), "lock state-"))));
  afterEach(() => fs.rmSync(state, { recursive: true, force: true }));

  function lock(id: string, parts: object): string {
    const file = path.join(state, ".pulumi/locks/organization/nocobase-fleet/dev", `${id}.json`);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const content = { pid: 1, username: "ann", hostname: os.hostname(), timestamp: "2026-01-02T03:04:05Z" };
    fs.writeFileSync(file, JSON.stringify({ ...content, ...parts }));
    return file;
  }
  const url = (): string => `file://${state.replace(" ", "%20")}`;

  it("tells who holds them and which are of nobody", () => {
    const dead = spawnSync("true").pid;
    const files = [lock("a", { pid: dead }), lock("b", { pid: dead, hostname: "elsewhere" })];
    const locks = readStackLocks(url(), ref);
    assert.deepEqual(
      locks.map(({ file, pid, user, isStale }) => ({ file, pid, user, isStale })),
      [
        { file: files[0], pid: dead, user: "ann", isStale: true },
        // Nobody here can tell whether a process of another host is alive.
        { file: files[1], pid: dead, user: "ann", isStale: false },
      ],
    );
    assert.equal(
      describeLock(locks[0]!),
      `process ${dead} of ann on ${os.hostname()}, since 2026-01-02T03:04:05Z; that process is gone`,
    );
  });

  it("sees through a process id that another program has now", function () {
    if (!fs.existsSync("/proc/self/comm")) skipBecause(this, "no /proc here to tell programs by");
    lock("a", { pid: process.pid });
    assert.equal(readStackLocks(url(), ref)[0]?.isStale, true);
  });

  it("knows no locks of other stacks, of no state, and of backends that are no files", () => {
    lock("a", {});
    assert.deepEqual(readStackLocks(url(), { ...ref, stack: "prod" }), []);
    assert.deepEqual(readStackLocks(`${url()}/none`, ref), []);
    assert.deepEqual(readStackLocks("s3://states", ref), []);
    assert.equal(readStackLocks(`${url()}?no_tmp_dir=true`, ref).length, 1);
  });
});
