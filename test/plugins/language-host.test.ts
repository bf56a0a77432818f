/** Our Node.js language host under the real engine, by plain `pulumi`. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { spawn, type ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureEngine, type Engine } from "../../toolchain/engine/choose";
import { ensureLanguageHost, type LanguageHost } from "../../toolchain/language-host";
import { cacheRoot, PROJECT_DIR } from "../../toolchain/locations";
import { DownloadSite } from "../../toolchain/network";
import { isAlive, run, type RunResult } from "../../toolchain/process";
import { lineProgress } from "../../toolchain/progress";
import { freeStaleLocks, readStackLocks, type StackLock } from "../../toolchain/stack-lock";

const REF = { project: "tiny", stack: "dev" };
const PULUMI_YAML = `
name: tiny
main: index.ts
runtime:
  name: nodejs
  options: { typescript: false, nodeargs: "--require tsx/cjs" }
`;

describe("language host", function () {
  this.timeout(60_000);
  let engine: Engine;
  let host: LanguageHost;
  let folder: string;

  before(async function () {
    // A first build of the engine takes minutes.
    this.timeout(20 * 60_000);
    const env = { ...process.env, NOCOBASE_FLEET_ENGINE: "build" };
    const context = { projectDir: PROJECT_DIR, cache: cacheRoot(env), env };
    const progress = lineProgress((line) => console.log(`    ${line}`));
    engine = await ensureEngine(context, new DownloadSite(env), progress);
    host = await ensureLanguageHost(engine, PROJECT_DIR, context.cache, env, progress);
  });

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "language-host-"));
    fs.mkdirSync(path.join(folder, "state"));
    fs.mkdirSync(path.join(folder, "node_modules", "@pulumi"), { recursive: true });
    for (const name of ["tsx", "@pulumi/pulumi"]) {
      fs.symlinkSync(path.join(PROJECT_DIR, "node_modules", name), path.join(folder, "node_modules", name));
    }
    fs.writeFileSync(path.join(folder, "Pulumi.yaml"), PULUMI_YAML);
    fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "tiny", version: "1.0.0" }));
  });

  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  function environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      HOME: folder,
      PULUMI_HOME: path.join(folder, "home"),
      PULUMI_BACKEND_URL: `file://${path.join(folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "tiny",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    };
  }

  function program(text: string): void {
    fs.writeFileSync(path.join(folder, "index.ts"), text);
  }

  function pulumi(...args: string[]): Promise<RunResult> {
    return run(engine.path, [...args, "--non-interactive"], {
      cwd: folder,
      env: environment(),
      timeoutMs: 50_000,
    });
  }

  async function stack(): Promise<void> {
    const made = await pulumi("stack", "init", "dev");
    assert.equal(made.code, 0, made.stderr);
  }

  it("lies beside the engine, as the engine wants it", () => {
    assert.equal(host.source, "ours");
    assert.equal(host.besideEngine, true);
  });

  it("runs a TypeScript program: config, secrets, output lines, stack outputs", async () => {
    program(`
      import * as pulumi from "@pulumi/pulumi";
      enum Colour { Blue = "blue" }
      export = async () => {
        const config = new pulumi.Config();
        new pulumi.ComponentResource("tiny:index:Thing", "thing");
        console.log("a line of the program, preview: " + pulumi.runtime.isDryRun());
        return {
          colour: Colour.Blue,
          greeting: config.require("greeting"),
          nested: config.requireObject<{ a: number[] }>("nested").a[1],
          password: config.requireSecret("password"),
          where: [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()],
          folder: process.cwd(),
        };
      };`);
    await stack();
    assert.equal((await pulumi("config", "set", "greeting", "hello")).code, 0);
    assert.equal((await pulumi("config", "set", "--path", "nested.a[1]", "7")).code, 0);
    assert.equal((await pulumi("config", "set", "--secret", "password", "s3cret")).code, 0);

    const up = await pulumi("up", "--yes");
    assert.equal(up.code, 0, up.stdout + up.stderr);
    assert.match(up.stdout, /a line of the program, preview: true/);
    assert.match(up.stdout, /a line of the program, preview: false/);
    assert.doesNotMatch(up.stdout + up.stderr, /warning|from \$PATH|s3cret/);

    const outputs = JSON.parse(
      (await pulumi("stack", "output", "--json", "--show-secrets")).stdout,
    ) as unknown;
    assert.deepEqual(outputs, {
      colour: "blue",
      greeting: "hello",
      nested: 7,
      password: "s3cret",
      where: ["organization", "tiny", "dev"],
      folder: fs.realpathSync(folder),
    });
    const again = await pulumi("up", "--yes", "--expect-no-changes");
    assert.equal(again.code, 0, again.stdout);
  });

  // Both without a stack: Node 20 needs 20 s and 3 GB to colour one that passes through the SDK's files.
  it("passes on what a failing program says, and no more", async () => {
    program(`
      export = async () => {
        const error = new Error("the app crm names no server");
        delete error.stack;
        throw error;
      };`);
    await stack();
    const up = await pulumi("up", "--yes", "--skip-preview");
    assert.notEqual(up.code, 0);
    assert.match(up.stdout, /the app crm names no server/);
    // The runner has said it all: the host adds no remark about exit codes.
    assert.doesNotMatch(up.stdout + up.stderr, /exit code/);
  });

  it("shows a RunError as one line", async () => {
    program(`
      import { RunError } from "@pulumi/pulumi";
      export = async () => {
        const error = new RunError("the app crm names no server");
        delete error.stack;
        throw error;
      };`);
    await stack();
    const up = await pulumi("preview");
    assert.notEqual(up.code, 0);
    assert.match(up.stdout, /error: the app crm names no server\n/);
    assert.doesNotMatch(up.stdout + up.stderr, /Running program|\n\s+at /);
  });

  it("tells the exit code of a program that just ends", async () => {
    program(`process.exit(7);`);
    await stack();
    const up = await pulumi("preview");
    assert.notEqual(up.code, 0);
    assert.match(up.stdout, /Program exited with non-zero exit code: 7/);
  });

  it("says that the SDK is not installed", async () => {
    program(`export = {};`);
    fs.rmSync(path.join(folder, "node_modules"), { recursive: true });
    await stack();
    const up = await pulumi("preview");
    assert.notEqual(up.code, 0);
    assert.match(up.stdout + up.stderr, /Pulumi SDK is not installed in .*Run `npm ci`/);
  });

  it("refuses an option of the wrong kind by name", async () => {
    program(`export = {};`);
    fs.writeFileSync(
      path.join(folder, "Pulumi.yaml"),
      PULUMI_YAML.replace(/nodeargs: "[^"]*"/, "nodeargs: 5"),
    );
    await stack();
    const up = await pulumi("preview");
    assert.notEqual(up.code, 0);
    assert.match(up.stdout + up.stderr, /runtime\.options\.nodeargs in Pulumi\.yaml must be a string, not 5/);
  });

  it("installs dependencies for `pulumi install`", async () => {
    program(`export = {};`);
    fs.rmSync(path.join(folder, "node_modules"), { recursive: true });
    const lock = { name: "tiny", version: "1.0.0", lockfileVersion: 3, packages: { "": { name: "tiny" } } };
    fs.writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify(lock));
    const installed = await pulumi("install");
    assert.equal(installed.code, 0, installed.stdout + installed.stderr);
  });

  it("answers `pulumi about`", async () => {
    program(`export = {};`);
    await stack();
    const about = await pulumi("about", "--json");
    assert.equal(about.code, 0, about.stderr);
    const runtime = (JSON.parse(about.stdout) as { runtime: { language: string; version: string } }).runtime;
    assert.equal(runtime.language, "nodejs");
    assert.equal(runtime.version, process.version);
  });

  describe("with a program that never ends", () => {
    let child: ChildProcess;
    let programPid: number;

    beforeEach(async () => {
      const pidFile = path.join(folder, "pid");
      program(`
        import { writeFileSync } from "node:fs";
        export = async () => {
          writeFileSync(${JSON.stringify(`${pidFile}.new`)}, String(process.pid));
          require("node:fs").renameSync(${JSON.stringify(`${pidFile}.new`)}, ${JSON.stringify(pidFile)});
          await new Promise((resolve) => setTimeout(resolve, 120_000));
        };`);
      await stack();
      child = spawn(engine.path, ["up", "--yes", "--skip-preview", "--non-interactive"], {
        cwd: folder,
        env: environment(),
        stdio: "ignore",
      });
      await until(() => fs.existsSync(pidFile), "the program has begun");
      programPid = Number(fs.readFileSync(pidFile, "utf8"));
      assert.ok(isAlive(programPid));
    });

    afterEach(() => {
      child.kill("SIGKILL");
      if (isAlive(programPid)) process.kill(programPid, "SIGKILL");
    });

    it("ends it when the run is interrupted", async () => {
      child.kill("SIGINT");
      await until(() => child.exitCode !== null, "the engine has ended");
      assert.notEqual(child.exitCode, 0);
      await until(() => !isAlive(programPid), "the program has ended");
    });

    it("ends it when the engine is killed, whose lock is then told as stale and freed", async () => {
      const backendUrl = environment().PULUMI_BACKEND_URL ?? "";
      const locks = (): StackLock[] => readStackLocks(backendUrl, REF);
      assert.deepEqual(
        locks().map(({ pid, host: name, isStale }) => ({ pid, name, isStale })),
        [{ pid: child.pid, name: os.hostname(), isStale: false }],
      );
      assert.throws(
        () => freeStaleLocks(backendUrl, REF),
        new RegExp(`Stack dev is locked by process ${child.pid} of \\S+ on ${os.hostname()}, since 20`),
      );

      child.kill("SIGKILL");
      await until(() => !isAlive(programPid), "the program has ended");
      await until(() => child.signalCode !== null, "the engine has ended");
      assert.deepEqual(
        locks().map((lock) => lock.isStale),
        [true],
      );
      assert.match((await pulumi("refresh", "--yes")).stderr, /currently locked/);
      // As it is when the engine is killed between making and filling this file.
      fs.truncateSync(
        path.join(folder, "state", ".pulumi", "stacks", REF.project, `${REF.stack}.json.attrs`),
      );
      assert.match((await pulumi("stack", "export")).stderr, /EOF/);
      assert.equal(freeStaleLocks(backendUrl, REF).length, 1);
      assert.deepEqual(locks(), []);
      assert.deepEqual(freeStaleLocks(backendUrl, REF), []);
      assert.equal((await pulumi("stack", "export")).stderr, "");
    });
  });
});

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 30_000;
  while (Date.now() < end) {
    if (condition()) return;
    await sleep(50);
  }
  assert.fail(`30 s on, this is still not so: ${what}`);
}
