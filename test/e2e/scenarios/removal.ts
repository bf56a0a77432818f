import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { eventually, statusOf, type PlatformHarness } from "../support/fleet";

type Apps = Record<string, Record<string, unknown>>;

/** Nothing is lost by taking something out of a file. */
export function removal(harness: () => PlatformHarness): void {
  const editApps = (change: (apps: Apps) => void) =>
    harness().project.edit((values) => change(values.apps as Apps));

  describe("removal", () => {
    it("refuses to remove a protected app, in preview and in up, and touches nothing", async () => {
      const before = await harness().identities();
      editApps((apps) => delete apps.crm);
      for (const command of ["preview", "up"]) {
        const run = await harness().project.fleet(command);
        assert.equal(run.code, 1, run.output);
        assert.match(run.output, /Protected: app crm/);
        assert.match(run.output, /deletion: backup/);
      }
      assert.deepEqual(await harness().identities(), before);
      editApps((apps) => (apps.crm = { title: "Customers", environment: "blue" }));
      assert.match((await harness().project.succeed("up")).stdout, /No changes/);
    });

    it("refuses to destroy a protected fleet", async () => {
      const run = await harness().project.fleet("destroy", "--yes");
      assert.equal(run.code, 1);
      assert.match(run.output, /Protected/);
      assert.ok((await statusOf(harness().project)).crm!.ok);
    });

    it("removes an app with `deletion: backup` after a dump that restores", async () => {
      const { crm } = await statusOf(harness().project);
      editApps((apps) => (apps.crm!.deletion = "backup"));
      await harness().project.succeed("up");
      editApps((apps) => delete apps.crm);
      const { output } = await harness().project.succeed("up");
      const folder = /(\/\S*backups\/\S*crm\S*)/.exec(output)?.[1]?.replace(/[.,)]$/, "");
      assert.ok(folder, `up doesn't say where the backup is:\n${output}`);
      assert.ok(fs.existsSync(path.join(folder, "manifest.json")));
      assert.ok((await harness().restore(folder)) > 50, "a NocoBase database has over fifty tables");
      assert.ok(!(await harness().databases()).includes(crm!.database!));
    });

    it("destroys everything once the stack file allows it, and leaves nothing but backups", async () => {
      harness().project.edit((values) => (values.deletion = "delete"));
      await harness().project.succeed("up");
      await harness().project.succeed("destroy", "--yes");
      // The supervisor ends by itself once nothing is left to look after.
      await eventually(
        "the supervisor ended",
        15,
        async () => (await harness().leftovers()).length === 0,
      ).catch(async () => assert.deepEqual(await harness().leftovers(), []));
    });
  });
}
