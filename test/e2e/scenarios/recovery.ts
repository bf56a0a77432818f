import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually, openApp, statusOf, type PlatformHarness } from "../support/fleet";

type Apps = Record<string, Record<string, unknown>>;

/** Kills, at every level. */
export function recovery(harness: () => PlatformHarness): void {
  describe("recovery", () => {
    it("restarts an instance that was killed", async () => {
      const before = await harness().identities();
      await harness().kill("app-erp");
      const erp = await openApp(harness().project, "erp");
      await eventually("erp answers again", 60, async () => (await erp.health()) === 200);
      const after = await harness().identities();
      assert.notEqual(after["app-erp"], before["app-erp"]);
      assert.equal(after["env-blue"], before["env-blue"]);
    });

    it("stops everything and starts it again on request", async () => {
      await harness().project.succeed("stop");
      const stopped = await harness().project.fleet("status");
      assert.equal(stopped.code, 1, "status says that nothing runs");
      await harness().project.succeed("start");
      await eventually("all parts run", 90, async () =>
        Object.values(await statusOf(harness().project)).every((row) => row.ok),
      );
    });

    it("brings everything back after a power cut with a plain `up`", async () => {
      await harness().powerCut();
      assert.equal((await harness().project.fleet("status")).code, 1);
      await harness().project.succeed("up");
      for (const name of ["entry", "crm", "erp"]) await (await openApp(harness().project, name)).signIn();
      assert.match((await harness().project.succeed("up")).stdout, /No changes/);
    });

    // Where in the making of an app `up` is killed: as soon as its output names this step.
    for (const [index, step] of ["role", "db", "files", "app"].entries()) {
      it(`converges after \`up\` was killed at a new app's ${step}`, async () => {
        const key = `late${index}`;
        const { project } = harness();
        project.edit((values) => ((values.apps as Apps)[key] = { environment: "blue" }));
        await killUpAt(harness(), new RegExp(`(created|…) +${key}-${step}`));

        const { stdout } = await project.succeed("up");
        assert.match(stdout, new RegExp(`^${key} .*running`, "m"));
        await (await openApp(project, key)).signIn();
        const names = (await harness().databases()).filter((name) => name.endsWith(`_${key}`));
        assert.equal(names.length, 1, `databases of ${key}: ${names.join(", ")}`);
        assert.match((await project.succeed("up")).stdout, /No changes/);
      });
    }
  });
}

/** Starts `up` and kills it with its whole process group at the first line that matches. */
async function killUpAt(harness: PlatformHarness, line: RegExp): Promise<void> {
  const child = harness.project.start("up");
  let output = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (line.test(output) && child.pid !== undefined && child.exitCode === null)
        process.kill(-child.pid, "SIGKILL");
    });
    child.on("close", (_code, signal) => {
      if (signal === "SIGKILL") resolve();
      else reject(new Error(`up ended before it could be killed at ${String(line)}:\n${output}`));
    });
  });
  // The engine's children notice within a second that it is gone.
  await sleep(1500);
}
