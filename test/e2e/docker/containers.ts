import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { DockerHarness } from "../support/docker";
import { openApp, statusOf } from "../support/fleet";

type Apps = Record<string, Record<string, unknown>>;

/** What there is on Docker alone. */
export function containers(harness: () => DockerHarness): void {
  const up = () => harness().project.succeed("up");
  const editApps = (change: (apps: Apps) => void) =>
    harness().project.edit((values) => change(values.apps as Apps));

  describe("containers", () => {
    it("hardens every one of them", async () => {
      for (const { Name, Config, HostConfig } of await harness().containers()) {
        assert.match(Config.User, /^[1-9]\d*:[1-9]\d*$/, Name);
        assert.deepEqual(HostConfig.CapDrop, ["ALL"], Name);
        assert.deepEqual(HostConfig.SecurityOpt, ["no-new-privileges:true"], Name);
        assert.equal(HostConfig.ReadonlyRootfs, true, Name);
        assert.ok(Number(HostConfig.Memory) > 0 && HostConfig.MemorySwap === HostConfig.Memory, Name);
        assert.equal(HostConfig.RestartPolicy?.Name, "unless-stopped", Name);
        const published = Object.values(HostConfig.PortBindings as Record<string, { HostIp: string }[]>);
        for (const { HostIp } of published.flat()) assert.equal(HostIp, "127.0.0.1", Name);
      }
    });

    it("makes a container anew that was removed by hand, and starts one that was stopped", async () => {
      await harness().remove("app-erp");
      await harness().stop("gateway");
      const { stdout } = await up();
      assert.match(stdout, /Gone from the platform, to be made anew: erp-instance/);
      assert.match(stdout, /Starting gateway first/);
      await (await openApp(harness().project, "erp")).signIn();
      assert.match((await up()).stdout, /No changes/);
    });

    it("keeps the volumes of a dedicated app that is stopped, and no container", async () => {
      editApps((apps) => (apps.erp!.state = "stopped"));
      await up();
      assert.ok(!("app-erp" in (await harness().identities())));
      const erp = await openApp(harness().project, "erp");
      assert.equal((await erp.send("/admin")).status, 503);
      const { state, ok } = (await statusOf(harness().project)).erp!;
      assert.deepEqual([state, ok], ["stopped", true]);
      editApps((apps) => delete apps.erp!.state);
      await up();
      await erp.signIn();
    });

    it("refuses a foreign container of a name that it needs, naming it", async () => {
      const name = await harness().foreign("app-late");
      editApps((apps) => (apps.late = { isolation: "dedicated", deletion: "delete" }));
      const run = await harness().project.fleet("up");
      assert.equal(run.code, 1, run.output);
      assert.match(run.output, new RegExp(`${name} on .*already, made by someone else`));
      await harness().removeForeign(name);
      editApps((apps) => delete apps.late);
      await up();
    });

    it("takes a backup before an app gets another release", async () => {
      const { project } = harness();
      await harness().pretendRelease("erp", "2.2.14");
      const { output } = await project.succeed("up");
      const folder = /Backup of erp: (\S+)/.exec(output)?.[1];
      assert.ok(folder, output);
      assert.ok(fs.existsSync(path.join(folder, "manifest.json")));
      assert.ok((await harness().restore(folder)) > 50, "a NocoBase database has over fifty tables");
      assert.match(output, /updated\s+erp-files/);
      // Also where the stack is one of many.
      const backups = () => fs.readdirSync(path.dirname(folder)).length;
      const before = backups();
      await harness().pretendRelease("erp", "2.2.14");
      await project.succeed("up", "--stacks", project.stack);
      assert.equal(backups(), before + 1);
    });
  });
}
