/** The control plane on real NocoBase: an entry app, two runtime environments, four shared apps, a dedicated one. */
import assert from "node:assert/strict";
import { TestPostgres } from "./support/postgres";
import { eventually } from "./support/registry";
import type { Replica } from "./support/replicas";
import { SupervisedFleet } from "./support/supervised-fleet";

const APPS = ["crm", "desk", "erp", "hr", "shop"];

describe("an entry app as control plane", function () {
  this.timeout(600_000);
  let postgres: TestPostgres;
  let fleet: SupervisedFleet;
  const latencies: number[] = [];

  before(async () => {
    postgres = await TestPostgres.start();
    fleet = await SupervisedFleet.make(
      postgres,
      { blue: ["crm", "shop"], green: ["hr", "desk"] },
      { erp: 2 },
    );
    await fleet.start();
  });
  after(async () => {
    console.log(`      states seen after ${latencies.toSorted((a, b) => a - b).join(", ")} ms`);
    await fleet.stop();
    await postgres.stop();
  });

  it("shows environments with what they report, and their apps", async () => {
    for (const app of APPS) await fleet.shows(app, "running");
    const environments = await fleet.control.get<Record<string, unknown>[]>("environments:list");
    assert.deepEqual(
      environments.map(({ name, state, release, instanceUrl }) => ({ name, state, release, instanceUrl })),
      ["blue", "green"].map((name) => ({
        name,
        state: "available",
        release: "2.2.15",
        instanceUrl: fleet.environment(name).url,
      })),
    );
    assert.ok(environments.every(({ memoryMiB }) => Number(memoryMiB) > 100));
    const crm = await fleet.control.get<{ environment: { name: string } }>("applications:get", {
      filterByTk: "crm",
      appends: "environment",
    });
    assert.equal(crm.environment.name, "blue");
  });

  it("lets its collections be filtered, and be known to NocoBase's own pages", async () => {
    const filter = JSON.stringify({ environmentName: "blue", state: "running" });
    const rows = await fleet.control.get<{ name: string }[]>("applications:list", { filter, sort: "name" });
    assert.deepEqual(
      rows.map(({ name }) => name),
      ["crm", "shop"],
    );
    const known = await fleet.control.get<{ name: string }[]>("collections:list", { paginate: "false" });
    for (const name of ["environments", "applications", "applicationCommands"])
      assert.ok(
        known.some((each) => each.name === name),
        name,
      );
  });

  it("refuses to write what the stack file declares", async () => {
    for (const action of ["applications:create", "environments:destroy", "applicationCommands:update"]) {
      const reply = await fleet.control.request(action, {
        method: "POST",
        query: { filterByTk: "crm" },
        body: { name: "more" },
      });
      assert.equal(reply.status, 405, action);
    }
  });

  it("refuses a name that another stack has declared, and says whose it is", async () => {
    const crm = (await fleet.control.get<object[]>("applications:list", { "filter[name]": "crm" }))[0];
    const app = { ...crm, role: "nobody", state: "running" };
    const reply = await fleet.control.request("fleetRegistry:declare", {
      method: "POST",
      body: { stack: "acme", environments: [], apps: [app] },
    });
    assert.equal(reply.status, 409);
    assert.match(JSON.stringify(reply.body), /crm.* is declared by stack test already/);
    assert.equal((await fleet.app("crm"))?.state, "running");
  });

  it("stops an app, which no request wakes, and starts it again", async () => {
    const stop = await fleet.command("stop", "crm");
    const record = await fleet.outcome(stop);
    assert.deepEqual([record.outcome, record.action, record.requestedBy], ["done", "stop", "root"]);
    latencies.push(await fleet.shows("crm", "stopped"));
    for (let visit = 0; visit < 3; visit++) {
      const reply = await fleet.visit("blue", "crm");
      assert.equal(reply.status, 503);
      assert.match(JSON.stringify(reply.body), /APP_STOPPED/);
    }
    assert.equal((await fleet.app("crm"))?.held, true);
    assert.equal((await fleet.visit("blue", "shop")).status, 200);
    assert.equal((await fleet.outcome(await fleet.command("start", "crm"))).outcome, "done");
    latencies.push(await fleet.shows("crm", "running"));
    assert.equal((await fleet.visit("blue", "crm")).status, 200);
    assert.equal((await fleet.outcome(await fleet.command("restart", "crm"))).outcome, "done");
  });

  it("stops and starts all apps by one request each, and tells the outcome of every command", async () => {
    for (const [action, state] of [
      ["stop", "stopped"],
      ["start", "running"],
    ] as const) {
      const reply = await fleet.control.request(`applications:${action}`, {
        method: "POST",
        body: { names: APPS },
      });
      const records = await fleet.outcomes(reply);
      assert.deepEqual(
        records.map(({ outcome, error }) => [outcome, error]),
        APPS.map(() => ["done", null]),
      );
      for (const app of APPS) await fleet.shows(app, state);
    }
  });

  it("sees what happens in an environment without it, within two seconds", async () => {
    const blue = fleet.environment("blue");
    await blue.post("applications:stop", undefined, { filterByTk: "shop" });
    const seen = await fleet.shows("shop", "stopped");
    latencies.push(seen);
    assert.ok(seen < 2000, `${seen} ms`);
    await blue.post("applications:start", undefined, { filterByTk: "shop" });
    await fleet.shows("shop", "running");
  });

  it("brings an environment's error back", async () => {
    await fleet.declare({ ghost: "green" });
    await fleet.shows("ghost", "pending");
    const record = await fleet.outcome(await fleet.command("start", "ghost"));
    assert.deepEqual(
      [record.outcome, record.error],
      ["failed", 'no app "ghost" is registered in this environment'],
    );
    assert.equal((await fleet.command("start", "nosuch")).status, 404);
    await fleet.declare();
    await eventually("it is shown no more", async () => ((await fleet.app("ghost")) ? undefined : true));
  });

  it("takes commands from those alone who are granted them", async () => {
    const { control } = fleet;
    const password = "password of ann";
    await control.post("roles:create", { name: "support", snippets: ["!pm", "!pm.*", "!ui.*"] });
    await control.post("users:create", { username: "ann", nickname: "Ann", password, roles: ["support"] });
    const token = await control.signIn("ann", password);
    assert.equal((await fleet.command("stop", "crm", token)).status, 403);
    assert.equal((await fleet.app("crm"))?.state, "running");
    const declare = { method: "POST", body: { stack: "test", environments: [], apps: [] } } as const;
    assert.equal((await control.request("fleetRegistry:declare", declare, token)).status, 403);
    await control.post(
      "roles:update",
      { snippets: ["!pm", "pm.supervisor.command", "!ui.*"] },
      { filterByTk: "support" },
    );
    const reply = await fleet.command("restart", "crm", token);
    assert.equal(reply.status, 200);
    assert.deepEqual(await fleet.outcome(reply).then(({ outcome, requestedBy }) => [outcome, requestedBy]), [
      "done",
      "ann",
    ]);
    assert.equal((await control.request("fleetRegistry:declare", declare, token)).status, 403);
  });

  it("shows an environment that is killed, keeps a command for it, and what was stopped stays so", async () => {
    await fleet.outcome(await fleet.command("stop", "shop"));
    const blue = fleet.environment("blue");
    blue.kill("SIGKILL");
    const gone = await fleet.shows("crm", "unavailable");
    assert.ok(gone < 15_000, `${gone} ms`);
    for (const app of ["hr", "desk", "erp"]) assert.equal((await fleet.app(app))?.state, "running", app);
    const kept = await fleet.command("restart", "crm");
    await restarted(blue);
    assert.equal((await fleet.outcome(kept)).outcome, "done");
    await fleet.shows("crm", "running");
    await fleet.shows("shop", "stopped");
    assert.equal((await fleet.visit("blue", "shop")).status, 503);
    assert.equal((await fleet.outcome(await fleet.command("start", "shop"))).outcome, "done");
  });

  it("goes on after its own end", async () => {
    fleet.control.kill("SIGKILL");
    await fleet.control.ended();
    const stopped = await fleet.environment("green").request("applications:stop", {
      method: "POST",
      query: { filterByTk: "hr" },
    });
    assert.equal(stopped.status, 200);
    await restarted(fleet.control);
    await fleet.shows("hr", "stopped");
    assert.equal((await fleet.outcome(await fleet.command("start", "hr"))).outcome, "done");
    await fleet.shows("hr", "running");
  });

  it("goes on after a restart of PostgreSQL", async () => {
    await postgres.halt();
    await postgres.run();
    await eventually("the entry app serves again", async () =>
      (await fleet.control.health()) === 200 ? true : undefined,
    );
    const record = await fleet.outcome(await fleet.command("restart", "hr"));
    assert.equal(record.outcome, "done");
    for (const app of APPS) await fleet.shows(app, "running");
  });
});

async function restarted(replica: Replica): Promise<void> {
  await replica.ended();
  await replica.run();
  await replica.healthy();
}
