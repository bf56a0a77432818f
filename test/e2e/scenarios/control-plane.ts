import assert from "node:assert/strict";
import { eventually, openApp, statusOf, type PlatformHarness } from "../support/fleet";
import type { App } from "../support/app";

type Apps = Record<string, Record<string, unknown>>;

interface Row {
  name: string;
  state: string;
}

/** The entry app shows and commands the fleet, and says what `fleet status` says. */
export function controlPlane(harness: () => PlatformHarness): void {
  describe("control plane", () => {
    const states = async (entry: App): Promise<Record<string, string>> =>
      Object.fromEntries(
        (await entry.call<Row[]>("applications:list")).map(({ name, state }) => [name, state]),
      );
    /** Waits until both say that an app is in this state, and compares all others. */
    const agreeOn = async (entry: App, app: string, state: string): Promise<void> => {
      await eventually(`${app} is ${state}`, 60, async () => (await states(entry))[app] === state);
      const rows = await statusOf(harness().project);
      for (const [name, shown] of Object.entries(await states(entry)))
        assert.equal(shown, rows[name]!.state, `${name} in the entry app and in fleet status`);
      assert.equal(rows[app]!.state, state);
    };

    it("shows environments and apps as `fleet status` does", async () => {
      const entry = await openApp(harness().project, "entry");
      await eventually("all have reported", 30, async () =>
        Object.values(await states(entry)).every((state) => state === "running"),
      );
      assert.deepEqual(Object.keys(await states(entry)).sort(), ["crm", "erp", "support"]);
      const environments = await entry.call<Row[]>("environments:list");
      assert.deepEqual(
        environments.map(({ name, state }) => [name, state]),
        [["blue", "available"]],
      );
      await agreeOn(entry, "crm", "running");
    });

    it("stops and starts an app, which `fleet status` sees and no visit undoes", async () => {
      const entry = await openApp(harness().project, "entry");
      await entry.call("applications:stop?filterByTk=crm", {});
      await agreeOn(entry, "crm", "stopped");
      const crm = await openApp(harness().project, "crm");
      assert.equal(await crm.health(), 503);
      assert.equal(await (await openApp(harness().project, "support")).health(), 200);
      await agreeOn(entry, "crm", "stopped");
      await entry.call("applications:start?filterByTk=crm", {});
      await agreeOn(entry, "crm", "running");
      assert.equal(await crm.health(), 200);
      const records = await entry.call<{ action: string; outcome: string }[]>(
        "applicationCommands:list?sort=requestedAt",
      );
      assert.deepEqual(
        records.map(({ action, outcome }) => [action, outcome]),
        [
          ["stop", "done"],
          ["start", "done"],
        ],
      );
    });

    it("puts what was stopped back to what is declared with the next `up`", async () => {
      const entry = await openApp(harness().project, "entry");
      await entry.call("applications:stop?filterByTk=support", {});
      await agreeOn(entry, "support", "stopped");
      await harness().project.succeed("up");
      await agreeOn(entry, "support", "running");
    });

    it("leaves an app as people left it where its declared state is `operator`", async () => {
      const { project } = harness();
      const declare = (state: string): void =>
        project.edit((values) => ((values.apps as Apps).support!.state = state));
      declare("operator");
      await project.succeed("up");
      const entry = await openApp(project, "entry");
      await entry.call("applications:stop?filterByTk=support", {});
      await agreeOn(entry, "support", "stopped");
      assert.match((await project.succeed("up")).stdout, /No changes/);
      await agreeOn(entry, "support", "stopped");
      assert.equal((await project.fleet("status")).code, 0);
      declare("running");
      await project.succeed("up");
      await agreeOn(entry, "support", "running");
    });
  });
}
