/** The lock between processes: one at a time, and the locks of the dead taken over. */
import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { spawn, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { withLock } from "../../toolchain/lock";
import { processStart } from "../../toolchain/process";
import { PROJECT_DIR } from "../../toolchain/locations";

describe("toolchain: lock", () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "lock-"));
    file = path.join(folder, "deep", "a.lock");
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  /** Leaves a lock as another holder would. */
  function leave(text: string, touched = new Date()): void {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    fs.utimesSync(file, touched, touched);
  }
  const holder = (parts: object): string =>
    JSON.stringify({ pid: process.pid, host: os.hostname(), token: "other", ...parts });
  const deadPid = (): number => spawnSync("true").pid;
  const longAgo = new Date(Date.now() - 3_600_000);

  it("leaves nothing behind, whether the work ends well or throws", async () => {
    assert.equal(await withLock(file, () => Promise.resolve(5)), 5);
    await assert.rejects(
      withLock(file, () => Promise.reject(new Error("broken"))),
      /broken/,
    );
    assert.deepEqual(fs.readdirSync(path.dirname(file)), []);
  });

  it("lets one at a time work, ten waiting at once for the lock of a dead process", async () => {
    leave(holder({ pid: deadPid() }));
    let [inside, most, done] = [0, 0, 0];
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(5);
      inside -= 1;
      done += 1;
    };
    await Promise.all(Array.from({ length: 10 }, () => withLock(file, work, { pollMs: 1 })));
    assert.deepEqual([most, done], [1, 10]);
  });

  it("keeps processes apart", async () => {
    const log = path.join(folder, "log");
    const script = path.join(folder, "worker.ts");
    fs.writeFileSync(
      script,
      `import { withLock } from ${JSON.stringify(path.join(PROJECT_DIR, "toolchain/lock"))};
       import { appendFileSync } from "node:fs";
       void withLock(${JSON.stringify(file)}, async () => {
         appendFileSync(${JSON.stringify(log)}, "in\\n");
         await new Promise((resolve) => setTimeout(resolve, 100));
         appendFileSync(${JSON.stringify(log)}, "out\\n");
       }, { pollMs: 5 });`,
    );
    const codes = await Promise.all(
      Array.from({ length: 3 }, () => {
        const child = spawn(process.execPath, ["--require", "tsx/cjs", script], {
          cwd: PROJECT_DIR,
          stdio: "inherit",
        });
        return new Promise((resolve) => child.once("close", resolve));
      }),
    );
    assert.deepEqual(codes, [0, 0, 0]);
    assert.equal(fs.readFileSync(log, "utf8"), "in\nout\n".repeat(3));
  });

  const gone: [string, () => void][] = [
    ["of a dead process", () => leave(holder({ pid: deadPid() }))],
    ["whose process id another process has now", () => leave(holder({ start: "1" }))],
    ["of another host, untouched for an hour", () => leave(holder({ host: "elsewhere" }), longAgo)],
    ["that was cut short an hour ago", () => leave('{"pid":', longAgo)],
  ];

  it("takes over a lock of a process that has ended and whose parent collects nobody", async () => {
    // The shell becomes a `sleep`, which never asks for the child that it finds.
    const parent = spawn("sh", ["-c", "sleep 0.2 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      const [pid] = (await once(parent.stdout, "data")) as [Buffer];
      while (!/^State:\s+Z/m.test(fs.readFileSync(`/proc/${Number(pid)}/status`, "utf8"))) await sleep(5);
      leave(holder({ pid: Number(pid) }));
      assert.equal(await withLock(file, () => Promise.resolve("mine")), "mine");
    } finally {
      parent.kill();
    }
  });

  for (const [what, prepare] of gone) {
    it(`takes over a lock ${what}`, async () => {
      prepare();
      let waits = 0;
      assert.equal(
        await withLock(file, () => Promise.resolve("mine"), { onWait: () => (waits += 1) }),
        "mine",
      );
      assert.equal(waits, 0);
    });
  }

  const held: [string, () => void][] = [
    ["of a live process, however old", () => leave(holder({ start: processStart(process.pid) }), longAgo)],
    ["of another host, just touched", () => leave(holder({ host: "elsewhere" }))],
    ["that is just being written", () => leave("")],
  ];
  for (const [what, prepare] of held) {
    it(`waits for a lock ${what}, and tells so`, async () => {
      prepare();
      const order: string[] = [];
      const waiting = withLock(
        file,
        () => {
          order.push("mine");
          return Promise.resolve();
        },
        { pollMs: 5, onWait: () => order.push("waits") },
      );
      await sleep(60);
      order.push("freed");
      fs.rmSync(file);
      await waiting;
      assert.deepEqual(order, ["waits", "freed", "mine"]);
    });
  }
});
