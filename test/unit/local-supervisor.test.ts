import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  ensureSupervisor,
  observeUnits,
  SupervisorAbsent,
  SupervisorClient,
  waitUntilHealthy,
  withSupervisor,
} from "../../providers/local/supervisor/client";
import { rotateLog } from "../../providers/local/supervisor/logs";
import type { UnitDefinition, UnitStatus } from "../../providers/local/supervisor/protocol";
import { findPortHolder, isPortFree } from "../../providers/local/support/ports";
import { findByEnvironment, identify, isAlive } from "../../providers/local/support/processes";
import { freePort } from "../support/ports";

/** Polls until `condition` gives something; fails after 15 s. */
async function until<T>(what: string, condition: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const limit = Date.now() + 15_000;
  for (;;) {
    const value = await condition();
    if (value !== undefined) return value;
    if (Date.now() > limit) assert.fail(`not within 15 s: ${what}`);
    await sleep(50);
  }
}

const SLEEPER = "setInterval(() => {}, 1000)";

describe("local supervisor", function () {
  this.timeout(60_000);
  let root: string;
  let client: SupervisorClient;

  function unit(name: string, script: string, change: Partial<UnitDefinition> = {}): UnitDefinition {
    return {
      name,
      kind: "process",
      order: 10,
      command: process.execPath,
      args: ["-e", script],
      cwd: root,
      stop: { signal: "SIGTERM", graceMs: 3000 },
      desired: "running",
      revision: "1",
      backoff: { minMs: 100, maxMs: 400, stableMs: 5000 },
      ...change,
    };
  }

  async function status(name: string): Promise<UnitStatus> {
    const found = await client.unit(name);
    assert.ok(found, `unit ${name}`);
    return found;
  }

  /** The unit's pid once it runs, other than `not`. */
  function pidOf(name: string, not?: number): Promise<number> {
    return until(`${name} runs anew`, async () => {
      const { pid, state } = await status(name);
      return state.phase === "running" && pid !== not ? pid : undefined;
    });
  }

  beforeEach(async () => {
    root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "fleet-supervisor-")));
    client = await ensureSupervisor(root);
  });

  afterEach(async () => {
    await withSupervisor(root, (each) => each.shutdown({ stopUnits: true }));
    fs.rmSync(root, { recursive: true, force: true });
  });

  it("is one daemon per root, whoever starts it", async () => {
    const before = await client.info();
    const again = await Promise.all([ensureSupervisor(root), ensureSupervisor(root), ensureSupervisor(root)]);
    for (const each of again) assert.equal((await each.info()).pid, before.pid);
    assert.equal(before.root, root);
    assert.equal(fs.statSync(path.join(root, "supervisor", "socket")).mode & 0o777, 0o600);
    assert.equal(fs.statSync(path.join(root, "supervisor")).mode & 0o777, 0o700);
  });

  it("works below a root whose path is longer than a socket address may be", async () => {
    const deep = path.join(root, "d".repeat(120));
    const other = await ensureSupervisor(deep);
    assert.equal((await other.info()).root, deep);
    await other.shutdown({ stopUnits: true });
  });

  it("restarts a crashed process, waiting longer each time", async () => {
    await client.put(unit("crasher", "setTimeout(() => process.exit(3), 50)"));
    const seen = await until("three restarts", async () => {
      const each = await status("crasher");
      return each.state.restarts >= 3 && each.state.phase === "waiting" ? each : undefined;
    });
    assert.equal(seen.state.lastExit?.code, 3);
    assert.match(seen.state.lastError ?? "", /ended by itself with code 3/);
    const wait = Date.parse(seen.state.nextStartAt ?? "") - Date.parse(seen.state.lastExit.at);
    assert.ok(wait >= 300 && wait <= 500, `fourth wait is 400 ms, was ${wait}`);
  });

  it("gives a process its secrets by environment only", async () => {
    const envFile = path.join(root, "supervisor", "env", "teller.json");
    fs.writeFileSync(envFile, JSON.stringify({ SECRET: "s3cr3t" }), { mode: 0o600 });
    process.env["PULUMI_CONFIG_PASSPHRASE_TEST"] = "not for children";
    const script = `console.log(process.env.SECRET, process.env.PULUMI_CONFIG_PASSPHRASE_TEST); ${SLEEPER}`;
    await client.put(unit("teller", script, { envFile }));
    const { logFile } = await status("teller");
    await until("output", () => fs.readFileSync(logFile, "utf8") || undefined);
    assert.equal(fs.readFileSync(logFile, "utf8"), "s3cr3t undefined\n");
    assert.equal(fs.statSync(logFile).mode & 0o777, 0o600);
    assert.ok(
      !fs.readFileSync(path.join(root, "supervisor", "units", "teller.json"), "utf8").includes("s3cr3t"),
    );
    delete process.env["PULUMI_CONFIG_PASSPHRASE_TEST"];
  });

  it("starts a process anew when its revision changes, and only then", async () => {
    await client.put(unit("app", SLEEPER));
    const first = await pidOf("app");
    await client.put(unit("app", SLEEPER));
    assert.equal(await pidOf("app"), first);
    await client.put(unit("app", SLEEPER, { revision: "2" }));
    assert.notEqual(await pidOf("app"), first);
    await client.put(unit("app", SLEEPER, { desired: "stopped", revision: "2" }));
    assert.equal((await status("app")).pid, undefined);
    await assert.rejects(client.start("app"), /declared stopped/);
  });

  it("adopts its processes after the daemon was killed", async () => {
    await client.put(unit("app", SLEEPER));
    const pid = await pidOf("app");
    process.kill((await client.info()).pid, "SIGKILL");
    const orphan = await until("daemon gone", async () => {
      const [each] = await observeUnits(root);
      return each?.supervised === false ? each : undefined;
    });
    assert.equal(orphan.pid, pid, "the process outlives the daemon");
    await ensureSupervisor(root);
    assert.equal(await pidOf("app"), pid);
    process.kill(pid, "SIGKILL");
    await pidOf("app", pid);
  });

  it("finds a process that a daemon started but could not write down", async () => {
    await client.put(unit("app", SLEEPER));
    const pid = await pidOf("app");
    process.kill((await client.info()).pid, "SIGKILL");
    await until("daemon gone", async () =>
      (await observeUnits(root))[0]?.supervised === false ? true : undefined,
    );
    fs.rmSync(path.join(root, "supervisor", "state", "app.json"));
    await ensureSupervisor(root);
    assert.equal(await pidOf("app"), pid);
  });

  it("never takes a recycled pid for its own", async () => {
    await client.put(unit("app", SLEEPER));
    await pidOf("app");
    await client.shutdown({ stopUnits: true });
    const stateFile = path.join(root, "supervisor", "state", "app.json");
    const state = JSON.parse(fs.readFileSync(stateFile, "utf8")) as Record<string, unknown>;
    const foreign = { ...identify(process.pid), startTicks: "1" };
    fs.writeFileSync(stateFile, JSON.stringify({ ...state, phase: "running", process: foreign }));
    client = await ensureSupervisor(root);
    const pid = await pidOf("app");
    assert.notEqual(pid, process.pid);
    await client.stop("app", { hold: true });
    assert.ok(isAlive(identify(process.pid)));
  });

  it("brings back after a reboot what should run, in order, and leaves alone what was stopped", async () => {
    const log = path.join(root, "order");
    const note = (name: string): string =>
      `require("fs").appendFileSync(${JSON.stringify(log)}, "${name} "); ${SLEEPER}`;
    await client.put(unit("zz-database", note("database"), { order: 1 }));
    await client.put(unit("app", note("app"), { order: 2 }));
    await client.put(unit("held", note("held"), { order: 2 }));
    await client.put(unit("declared", note("declared"), { order: 2, desired: "stopped" }));
    await pidOf("app");
    await pidOf("held");
    await client.stop("held", { hold: true });
    // As by a reboot: no process is left, the files are.
    await client.shutdown({ stopUnits: true });
    fs.rmSync(log, { force: true });
    await ensureSupervisor(root);
    await pidOf("app");
    await until("both have written", () => (fs.readFileSync(log, "utf8").length > 10 ? true : undefined));
    assert.equal(fs.readFileSync(log, "utf8"), "database app ");
    assert.equal((await status("held")).state.phase, "stopped");
    await client.startAll();
    await pidOf("held");
    await client.stopAll({ hold: true });
    assert.deepEqual(
      (await client.listUnits()).map((each) => each.pid),
      [undefined, undefined, undefined, undefined],
    );
  });

  it("leaves no process behind when it ends, however long the last one takes", async () => {
    const slow = `process.on("SIGTERM", () => setTimeout(() => process.exit(), 1500)); ${SLEEPER}`;
    await client.put(unit("database", slow, { order: 1 }));
    await client.put(unit("app", SLEEPER, { order: 2 }));
    await pidOf("database");
    await pidOf("app");
    await client.shutdown({ stopUnits: true });
    assert.deepEqual(
      (await observeUnits(root)).map(({ pid }) => pid),
      [undefined, undefined],
    );
    assert.equal(findByEnvironment(`NOCOBASE_FLEET_UNIT=${root}:app`), undefined);
  });

  it("kills a process, children and all, that does not end in time", async () => {
    const pidFile = path.join(root, "child-pid");
    const script = `
      const child = require("child_process").spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); ${SLEEPER}"]);
      process.on("SIGTERM", () => {});
      require("fs").writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
      ${SLEEPER}`;
    await client.put(unit("stubborn", script, { stop: { signal: "SIGTERM", graceMs: 300 } }));
    const pid = await pidOf("stubborn");
    const child = identify(
      Number(
        await until("child", () =>
          fs.existsSync(pidFile) ? fs.readFileSync(pidFile, "utf8") || undefined : undefined,
        ),
      ),
    );
    const started = Date.now();
    await client.stop("stubborn", { hold: true });
    assert.ok(Date.now() - started < 2500);
    assert.equal(identify(pid), undefined);
    await until("child gone", () => (isAlive(child) ? undefined : true));
    await until("report", async () =>
      (await status("stubborn")).state.lastExit?.signal === "SIGKILL" ? true : undefined,
    );
  });

  it("restarts a process that was healthy and fails, and one that calls its state fatal", async () => {
    const port = await freePort();
    const flag = path.join(root, "mode");
    const script = `require("http").createServer((q, r) => {
      const mode = require("fs").existsSync(${JSON.stringify(flag)}) ? require("fs").readFileSync(${JSON.stringify(flag)}, "utf8") : "ok";
      r.statusCode = mode === "ok" ? 200 : 503; r.end(mode);
    }).listen(${port}, "127.0.0.1")`;
    const health = {
      probe: { kind: "http" as const, url: `http://127.0.0.1:${port}/`, fatalText: "APP_ERROR" },
      intervalMs: 100,
      timeoutMs: 500,
      failures: 15,
      startTimeoutMs: 10_000,
    };
    await client.put(unit("web", script, { health }));
    const first = await waitUntilHealthy(root, "web", { timeoutMs: 10_000 });
    fs.writeFileSync(flag, "busy");
    await until("unhealthy", async () =>
      (await status("web")).state.phase === "unhealthy" ? true : undefined,
    );
    fs.rmSync(flag);
    assert.equal(await pidOf("web"), first.pid, "a passing fault is no reason to restart");
    fs.writeFileSync(flag, "busy");
    await until("restart", async () => ((await status("web")).state.restarts > 0 ? true : undefined));
    assert.match(
      (await status("web")).state.lastError ?? "",
      /failed its health checks for \d+ s: HTTP 503: busy|HTTP 503: busy/,
    );
    fs.rmSync(flag);
    const second = await pidOf("web", first.pid);
    fs.writeFileSync(flag, "APP_ERROR");
    await until("second restart", async () => ((await status("web")).state.restarts > 1 ? true : undefined));
    fs.rmSync(flag);
    await pidOf("web", second);
    assert.equal(findPortHolder(port)?.pid, (await status("web")).pid);
    assert.equal(await isPortFree("127.0.0.1", port), false);
  });

  it("gives up a start that takes too long, and says so to who waits", async () => {
    const health = {
      probe: { kind: "tcp" as const, host: "127.0.0.1", port: await freePort() },
      intervalMs: 100,
      timeoutMs: 500,
      failures: 3,
      startTimeoutMs: 400,
    };
    await client.put(unit("mute", SLEEPER, { health }));
    await assert.rejects(
      waitUntilHealthy(root, "mute", { timeoutMs: 10_000, maxRestarts: 1 }),
      (error: Error) => {
        assert.match(error.message, /mute failed 2 times/);
        assert.match(error.message, /Log: .*mute\.log/);
        return true;
      },
    );
  });

  it("tells of a command that does not exist", async () => {
    await client.put(unit("ghost", "", { command: "/no/such/command" }));
    assert.match(
      (await status("ghost")).state.lastError ?? "",
      /cannot be started: spawn \/no\/such\/command ENOENT/,
    );
  });

  it("ends by itself after its last unit was removed", async () => {
    await client.put(unit("app", SLEEPER));
    const pid = await pidOf("app");
    const daemon = identify((await client.info()).pid);
    await client.remove("app");
    await client.remove("app");
    assert.equal(identify(pid), undefined);
    await until("daemon gone", () => (isAlive(daemon) ? undefined : true));
    await assert.rejects(client.info(), SupervisorAbsent);
    assert.deepEqual(fs.readdirSync(path.join(root, "supervisor", "units")), []);
  });

  it("keeps five rotated logs", () => {
    const file = path.join(root, "some.log");
    for (let round = 1; round <= 7; round++) {
      fs.writeFileSync(file, `round ${round}`);
      assert.equal(rotateLog(file, 5), true);
      assert.equal(fs.readFileSync(file, "utf8"), "");
    }
    assert.equal(rotateLog(file, 5), false);
    const kept = [1, 2, 3, 4, 5].map((index) => fs.readFileSync(`${file}.${index}`, "utf8"));
    assert.deepEqual(kept, ["round 7", "round 6", "round 5", "round 4", "round 3"]);
    assert.equal(fs.existsSync(`${file}.6`), false);
  });
});
