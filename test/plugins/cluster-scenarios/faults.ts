/** Work is done once, and goes on where a replica, or the database, does not. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../../providers/nocobase/client";
import { eventually } from "../support/members";
import { LEASE_MS, START } from "../support/replicas";
import { restarted, status, type Trio } from "./trio";

export function faults(trio: () => Trio): void {
  it("runs a scheduled workflow once for each time", async () => {
    const { app } = trio();
    const [, two] = trio().replicas;
    const startsOn = new Date(Date.now() + 4000);
    startsOn.setMilliseconds(0);
    const workflow = await two.post<{ id: string; key: string }>("workflows:create", {
      title: "Every two seconds",
      type: "schedule",
      enabled: true,
      current: true,
      config: {
        mode: 0,
        startsOn: startsOn.toISOString(),
        repeat: 2000,
        endsOn: new Date(+startsOn + 9000).toISOString(),
      },
    });
    const dates = async () =>
      (
        await app.sql(`SELECT context->>'date' AS date FROM executions WHERE key = $1 ORDER BY 1`, [
          workflow.key,
        ])
      ).map(({ date }) => Date.parse(String(date)) - +startsOn);
    await eventually("the last time", async () => (await dates()).includes(8000));
    await sleep(1000);
    assert.deepEqual(await dates(), [0, 2000, 4000, 6000, 8000]);
    await eventually("all are done", async () => {
      const open = await app.sql("SELECT FROM executions WHERE key = $1 AND status IS DISTINCT FROM 1", [
        workflow.key,
      ]);
      return open.length === 0;
    });
  });

  it("enables a plugin at all replicas", async () => {
    const { app } = trio();
    const [, two, three] = trio().replicas;
    const action = "chinaRegions:list";
    const name = "@nocobase/plugin-field-china-region";
    assert.equal(await status(three, action), 404);
    await two.post("pm:enable", undefined, { filterByTk: name });
    const start = Date.now();
    for (const replica of app.replicas) {
      const enabled = await until(
        async () => ((await status(replica, action)) === 200 ? true : undefined),
        START,
      );
      assert.ok(enabled, replica.name);
    }
    console.log(`      at all three after ${Date.now() - start} ms`);
    for (const replica of app.replicas) await replica.healthy();
  });

  it("hands over a workflow that a killed replica was running", async () => {
    const { app } = trio();
    const [one] = trio().replicas;
    await app.sql("CREATE TABLE attempts (number int)");
    const workflow = await one.post<{ id: string; key: string }>("workflows:create", {
      title: "Long statement",
      type: "schedule",
      config: { mode: 0 },
    });
    await one.post(`workflows/${workflow.id}/nodes:create`, {
      type: "sql",
      title: "Sleep",
      config: {
        sql: "SELECT pg_sleep(CASE WHEN (SELECT count(*) FROM attempts) = 0 THEN 300 ELSE 0 END)",
        withMeta: false,
      },
    });
    const startsOn = new Date(Date.now() + 3000).toISOString();
    const enabled = { enabled: true, config: { mode: 0, startsOn } };
    await one.post("workflows:update", enabled, { filterByTk: workflow.id });
    let runner = "";
    await eventually("a replica runs it", async () => {
      const rows = await app.sql(
        `SELECT r.name::text FROM pg_stat_activity a JOIN fleet_cluster.replicas r ON a.application_name = 'fleet ' || r.id
         WHERE a.query LIKE 'SELECT pg_sleep(CASE%'`,
      );
      runner = (rows[0]?.name as string | undefined) ?? "";
      return runner !== "";
    });
    const victim = app.replicas.find(({ name }) => name === runner)!;
    await app.sql("INSERT INTO attempts VALUES (1)");
    const killedAt = Date.now();
    victim.kill("SIGKILL");
    await victim.ended();
    await eventually("it is done", async () => {
      return (
        (await app.sql("SELECT FROM executions WHERE key = $1 AND status = 1", [workflow.key])).length === 1
      );
    });
    console.log(`      handed over after ${Date.now() - killedAt} ms, lease ${LEASE_MS} ms`);
    assert.equal((await app.sql("SELECT FROM executions WHERE key = $1", [workflow.key])).length, 1);
    await restarted(victim);
  });

  it("frees the lock of a paused replica after its lease, and shuts that one out", async () => {
    const { app } = trio();
    const [one, two] = trio().replicas;
    await one.post("collections:create", { name: "pauses", fields: [{ name: "sort", type: "sort" }] });
    // What sort fields take for each new row; here as a replica holds it that is paused in between.
    await app.sql(
      `INSERT INTO fleet_cluster.locks (key, owner, token, expires_at)
       SELECT 'pauses', id, gen_random_uuid(), 'infinity' FROM fleet_cluster.replicas WHERE name = $1`,
      [two.name],
    );
    two.kill("SIGSTOP");
    const start = Date.now();
    await one.post("pauses:create", { title: "after the pause" });
    const took = Date.now() - start;
    console.log(`      freed after ${took} ms, lease ${LEASE_MS} ms`);
    assert.ok(took < LEASE_MS * 3, `${took} ms`);
    two.kill("SIGCONT");
    await two.ended();
    assert.equal(two.exitCode, 75);
    assert.match(await two.log(), /was shut out/);
    await restarted(two);
  });

  it("stops serving while the database is away, and comes back without a restart", async () => {
    const { app, postgres } = trio();
    const [, two] = trio().replicas;
    const pids = app.replicas.map(({ pid }) => pid);
    await postgres.halt();
    for (const replica of app.replicas) {
      await eventually(`${replica.name} stops serving`, async () => (await replica.health()) === 503);
      const reply = await fetch(`${replica.url}/api/app:getInfo`);
      assert.equal(reply.status, 503);
      assert.equal(reply.headers.get("x-fleet-replica-unavailable"), replica.name);
    }
    await postgres.run();
    for (const replica of app.replicas) {
      await eventually(`${replica.name} serves`, async () => (await replica.health()) === 200);
      await eventually(`${replica.name} answers`, async () => (await status(replica, "users:list")) === 200);
    }
    assert.deepEqual(
      app.replicas.map(({ pid }) => pid),
      pids,
    );
    await two.post("collections:create", { name: "later", fields: [{ name: "title", type: "string" }] });
    await trio().seenByOthers(
      "collection",
      two,
      async (replica) => (await status(replica, "later:list")) === 200,
    );
  });

  it("ends within the limit, gives everything back, and cuts no request it has begun", async () => {
    const { app } = trio();
    const [one, two, three] = trio().replicas;
    await three.post("collections:create", { name: "loads", fields: [{ name: "title", type: "string" }] });
    const outcomes = new Map<string, number>();
    const note = (outcome: string) => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    let stopped = false;
    let accepted = 0;
    // As a gateway does: a replica that says it hasn't touched a request gets no more.
    const load = async (): Promise<void> => {
      while (!stopped) {
        const body = JSON.stringify({ title: `request ${accepted++}` });
        const headers = {
          Authorization: `Bearer ${app.token}`,
          "X-Authenticator": "basic",
          "content-type": "application/json",
        };
        try {
          const reply = await fetch(`${three.url}/api/loads:create`, { method: "POST", headers, body });
          await reply.text();
          const untouched = reply.headers.has("x-fleet-replica-unavailable");
          note(untouched ? "untouched" : reply.ok ? "done" : `status ${reply.status}`);
          if (untouched) return;
        } catch (error) {
          const { code } = (error as { cause?: { code?: string } }).cause ?? {};
          note(`cut ${code}`);
          return;
        }
      }
    };
    const loads = Array.from({ length: 4 }, () => load());
    await eventually("there is load", () => (outcomes.get("done") ?? 0) > 10);
    three.kill("SIGTERM");
    const took = await three.ended();
    stopped = true;
    await Promise.all(loads);
    console.log(`      ended after ${took} ms: ${JSON.stringify(Object.fromEntries(outcomes))}`);
    assert.equal(three.exitCode, 0);
    assert.ok(took < 10_000, `${took} ms`);
    assert.deepEqual([...outcomes.keys()].toSorted(), ["done", "untouched"]);
    assert.equal(outcomes.get("untouched"), loads.length);
    const [written] = await app.sql("SELECT count(*)::int AS rows FROM loads");
    assert.deepEqual(written, { rows: outcomes.get("done") });
    assert.deepEqual(await app.sql("SELECT name FROM fleet_cluster.replicas ORDER BY name"), [
      { name: one.name },
      { name: two.name },
    ]);
    assert.deepEqual(
      await app.sql(
        "SELECT FROM fleet_cluster.locks WHERE owner NOT IN (SELECT id FROM fleet_cluster.replicas)",
      ),
      [],
    );
  });
}
