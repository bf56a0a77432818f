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
        assert.equal(shown, rows[name]!.registered, `${name} in the entry app and in fleet status`);
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
      assert.equal((await statusOf(harness().project)).blue!.registered, "available");
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

    it("shows what the stack's outputs say, and no more and no less", async () => {
      const entry = await openApp(harness().project, "entry");
      // What is declared comes from the outputs there.
      const rows = Object.values(await statusOf(harness().project)).filter(({ kind }) => kind === "app");
      const shown = await entry.call<Record<string, unknown>[]>("applications:list?sort=name");
      assert.deepEqual(
        shown.map(({ name, isolation, environmentName, url, release, declaredState }) => ({
          name,
          said: [isolation, environmentName, url, release, declaredState],
        })),
        rows
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ name, isolation, environment, url, release, declared }) => ({
            name,
            said: [isolation, environment, url, release, declared],
          })),
      );
    });

    it("stops and starts a dedicated app, whose process stays, and `up` puts it back", async () => {
      const { project } = harness();
      const entry = await openApp(project, "entry");
      const before = await harness().identities();
      await entry.call("applications:stop?filterByTk=erp", {});
      await agreeOn(entry, "erp", "stopped");
      const erp = await openApp(project, "erp");
      assert.equal(await erp.health(), 503);
      assert.equal((await harness().identities())["app-erp"], before["app-erp"]);
      await project.succeed("up");
      await agreeOn(entry, "erp", "running");
      await eventually("it answers", 60, async () => (await erp.health()) === 200);
      assert.match((await project.succeed("up")).stdout, /No changes/);
    });

    it("makes a request of the entry app an edit of the stack file", async () => {
      const { project } = harness();
      const entry = await openApp(project, "entry");
      for (const app of ["asked", "refused"])
        await entry.call("applicationRequests:create", { action: "create", app, environmentName: "blue" });
      const list = async () =>
        (
          JSON.parse((await project.succeed("requests", "list", "--json")).stdout) as {
            requests: { requestId: string; app: string }[];
          }
        ).requests;
      const idOf = async (app: string) => (await list()).find((each) => each.app === app)!.requestId;
      await project.succeed("requests", "accept", await idOf("asked"));
      await project.succeed("requests", "reject", await idOf("refused"), "--reason", "no room");
      assert.deepEqual(await list(), []);
      project.reload();
      const declared = project.values.apps as Apps;
      assert.deepEqual(declared.asked, { environment: "blue" });
      assert.equal(declared.refused, undefined);
      project.edit((values) => delete (values.apps as Apps).asked);
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
