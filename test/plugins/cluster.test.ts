/** One real app as three replicas: NocoBase processes that share a database and a storage folder, and nothing else. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../providers/nocobase/client";
import { eventually } from "./support/members";
import { TestPostgres } from "./support/postgres";
import { LEASE_MS, ReplicatedApp, START, type Replica } from "./support/replicas";

/** A change made through one replica is served by the others within this time. */
const VISIBLE_MS = 2000;

describe("an app with three replicas", function () {
  this.timeout(300_000);
  let postgres: TestPostgres;
  let app: ReplicatedApp;
  let one: Replica;
  let two: Replica;
  let three: Replica;
  const latencies: number[] = [];

  before(async () => {
    postgres = await TestPostgres.start();
    app = await ReplicatedApp.make(postgres, "erp");
    await app.start(3);
    [one, two, three] = app.replicas as [Replica, Replica, Replica];
  });
  after(async function () {
    if (latencies.length > 0) {
      const sorted = latencies.toSorted((a, b) => a - b);
      console.log(
        `      changes seen after ${sorted[0]}–${sorted.at(-1)} ms, median ${sorted[sorted.length >> 1]} ms`,
      );
    }
    await app.stop();
    await postgres.stop();
  });

  /** Waits until all replicas but `by` see a change that has just been made through it. */
  const seenByOthers = async (what: string, by: Replica, look: (replica: Replica) => Promise<boolean>) => {
    const start = Date.now();
    for (const replica of app.replicas.filter((other) => other !== by)) {
      const seen = await until(async () => ((await look(replica)) ? true : undefined), {
        everyMs: 10,
        limitMs: VISIBLE_MS * 5,
      });
      const took = Date.now() - start;
      assert.ok(seen && took <= VISIBLE_MS, `${what} by ${by.name} at ${replica.name}: ${took} ms`);
      latencies.push(took);
    }
  };
  const status = async (replica: Replica, action: string, token?: string): Promise<number> =>
    (await replica.request(action, {}, token)).status;
  const restarted = async (replica: Replica): Promise<void> => {
    await replica.ended();
    await replica.run();
    await replica.healthy();
  };

  it("came up from an empty database, all at once, installed once", async () => {
    assert.deepEqual(await app.sql(`SELECT count(*)::int FROM "applicationVersion"`), [{ count: 1 }]);
    assert.deepEqual(await app.sql(`SELECT count(*)::int FROM users`), [{ count: 1 }]);
    const ids = await app.sql("SELECT count(owner)::int FROM fleet_cluster.worker_ids");
    assert.deepEqual(ids, [{ count: 3 }]);
  });

  it("serves collections and fields at all replicas, whichever they were made, changed and removed through", async () => {
    for (const [index, by] of app.replicas.entries()) {
      const name = `goods_${index}`;
      await by.post("collections:create", { name, fields: [{ name: "title", type: "string" }] });
      await seenByOthers(
        "collection",
        by,
        async (replica) => (await status(replica, `${name}:list`)) === 200,
      );
      await by.post(`collections/${name}/fields:create`, {
        name: "price",
        type: "integer",
        interface: "integer",
      });
      await seenByOthers("field", by, async (replica) => {
        const row = await replica.post<{ price?: number }>(`${name}:create`, { title: "a", price: 7 });
        return row.price === 7;
      });
      await by.post(`collections/${name}/fields:destroy`, undefined, { filterByTk: "price" });
      await seenByOthers("field's removal", by, async (replica) => {
        const reply = await replica.request(`${name}:create`, {
          method: "POST",
          body: { title: "b", price: 7 },
        });
        return !("price" in ((reply.body as { data?: object }).data ?? { price: 0 }));
      });
      await by.post("collections:destroy", undefined, { filterByTk: name });
      await seenByOthers(
        "collection's removal",
        by,
        async (replica) => (await status(replica, `${name}:list`)) !== 200,
      );
    }
  });

  it("serves roles and permissions at all replicas", async () => {
    await one.post("collections:create", { name: "offers", fields: [{ name: "title", type: "string" }] });
    await one.post("roles:create", { name: "clerk", title: "Clerk", snippets: [] });
    await one.post("users:create", {
      username: "clerk",
      email: "clerk@example.com",
      password: "password-of-the-clerk",
      roles: ["clerk"],
    });
    const token = await two.signIn("clerk@example.com", "password-of-the-clerk");
    const listed = async (replica: Replica) =>
      (await replica.request("offers:list", { headers: { "X-Role": "clerk" } }, token)).status;
    for (const replica of app.replicas) assert.equal(await listed(replica), 403, replica.name);

    const resource = { name: "offers", usingActionsConfig: true, actions: [{ name: "view" }] };
    await three.post("roles/clerk/dataSourceResources:create", { ...resource, dataSourceKey: "main" });
    await seenByOthers("permission", three, async (replica) => (await listed(replica)) === 200);
    await two.post("dataSourcesRolesResources:destroy", undefined, { filter: '{"roleName":"clerk"}' });
    await seenByOthers("permission's removal", two, async (replica) => (await listed(replica)) === 403);

    const strategy = (actions: string[]) => ({ strategy: { actions } });
    const main = { filterByTk: "clerk", dataSourceKey: "main" };
    await one.post("dataSources/main/roles:update", strategy(["view"]), main);
    await seenByOthers("strategy", one, async (replica) => (await listed(replica)) === 200);
    await two.post("roles:destroy", undefined, { filterByTk: "clerk" });
    await seenByOthers("role's removal", two, async (replica) => (await listed(replica)) !== 200);
  });

  it("serves UI schemas, system settings and sign-in methods at all replicas", async () => {
    for (const [index, by] of app.replicas.entries()) {
      const uid = "page_under_test";
      const title = (replica: Replica) =>
        replica.get<{ title?: string }>(`uiSchemas:getJsonSchema/${uid}`).then((schema) => schema.title);
      if (index === 0) await by.post("uiSchemas:insert", { type: "void", title: "new", "x-uid": uid });
      else await by.post("uiSchemas:patch", { "x-uid": uid, title: `title ${index}` });
      const wanted = index === 0 ? "new" : `title ${index}`;
      await seenByOthers("UI schema", by, async (replica) => (await title(replica)) === wanted);

      await by.post("systemSettings:update", { title: `Company ${index}` }, { filterByTk: "1" });
      await seenByOthers("setting", by, async (replica) => {
        return (await replica.get<{ title: string }>("systemSettings:get")).title === `Company ${index}`;
      });
    }
    const methods = (replica: Replica) =>
      replica
        .get<{ name: string }[]>("authenticators:publicList")
        .then((list) => list.map(({ name }) => name));
    assert.deepEqual(await methods(three), ["basic"]);
    const own = { name: "second", authType: "Email/Password", title: "Second", enabled: true };
    await two.post("authenticators:create", own);
    await seenByOthers("sign-in method", two, async (replica) => (await methods(replica)).includes("second"));
  });

  it("shares sign-in and sign-out", async () => {
    for (const [index, by] of app.replicas.entries()) {
      const token = await by.signIn();
      for (const replica of app.replicas) assert.equal(await status(replica, "auth:check", token), 200);
      const other = app.replicas[(index + 1) % 3]!;
      assert.equal((await other.request("auth:signOut", { method: "POST" }, token)).status, 200);
      for (const replica of app.replicas)
        assert.equal(await status(replica, "auth:check", token), 401, replica.name);
    }
  });

  it("renews an expired token once, also for requests that come to all replicas together", async () => {
    const policy = (tokenExpirationTime: string) => ({
      config: { tokenExpirationTime, sessionExpirationTime: "7d", expiredTokenRenewLimit: "1d" },
    });
    await one.post("tokenControlConfig:update", policy("1s"), { filterByTk: "token-policy-config" });
    await sleep(VISIBLE_MS);
    const token = await one.signIn();
    await sleep(2100);
    const replies = await Promise.all(
      [...app.replicas, ...app.replicas].map(({ url }) =>
        fetch(`${url}/api/auth:check`, {
          headers: { Authorization: `Bearer ${token}`, "X-Authenticator": "basic" },
        }),
      ),
    );
    assert.deepEqual(
      replies.map((reply) => reply.status),
      replies.map(() => 200),
    );
    await one
      .post("tokenControlConfig:update", policy("1d"), { filterByTk: "token-policy-config" })
      .catch(() => undefined);
    app.token = await one.signIn();
  });

  it("makes ids once, however many replicas write together", async () => {
    await one.post("collections:create", {
      name: "orders",
      autoGenId: false,
      fields: [
        { name: "id", type: "snowflakeId", primaryKey: true, autoIncrement: false },
        { name: "sort", type: "sort" },
        { name: "title", type: "string" },
      ],
    });
    await seenByOthers("collection", one, async (replica) => (await status(replica, "orders:list")) === 200);
    await Promise.all(
      app.replicas.flatMap((replica) =>
        Array.from({ length: 20 }, (_, index) =>
          replica.post("orders:create", { title: `${replica.name} ${index}` }),
        ),
      ),
    );
    const [numbers] = await app.sql(
      "SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM orders",
    );
    assert.deepEqual(numbers, { rows: 60, ids: 60 });
  });

  it("runs a scheduled workflow once for each time", async () => {
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
    // What sort fields take for each new row; here as a replica holds it that is paused in between.
    await app.sql(
      `INSERT INTO fleet_cluster.locks (key, owner, token, expires_at)
       SELECT 'orders', id, gen_random_uuid(), 'infinity' FROM fleet_cluster.replicas WHERE name = $1`,
      [two.name],
    );
    two.kill("SIGSTOP");
    const start = Date.now();
    await one.post("orders:create", { title: "after the pause" });
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
      await eventually(`${replica.name} answers`, async () => (await status(replica, "orders:list")) === 200);
    }
    assert.deepEqual(
      app.replicas.map(({ pid }) => pid),
      pids,
    );
    await two.post("collections:create", { name: "later", fields: [{ name: "title", type: "string" }] });
    await seenByOthers("collection", two, async (replica) => (await status(replica, "later:list")) === 200);
  });

  it("ends within the limit, gives everything back, and cuts no request it has begun", async () => {
    const outcomes = new Map<string, number>();
    const note = (outcome: string) => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    let stopped = false;
    let accepted = 0;
    const load = async (): Promise<void> => {
      while (!stopped) {
        const title = `request ${accepted++}`;
        const body = JSON.stringify({ title });
        const headers = {
          Authorization: `Bearer ${app.token}`,
          "X-Authenticator": "basic",
          "content-type": "application/json",
        };
        await fetch(`${three.url}/api/later:create`, { method: "POST", headers, body }).then(
          async (reply) => {
            await reply.text();
            note(
              reply.ok
                ? "done"
                : `${reply.status} ${reply.headers.has("x-fleet-replica-unavailable") ? "untouched" : ""}`,
            );
          },
          (error: unknown) => {
            const { code } = (error as { cause?: { code?: string } }).cause ?? {};
            note(code === "ECONNREFUSED" ? "refused" : `cut ${code}`);
            if (code === "ECONNREFUSED") stopped = true;
          },
        );
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
    const strange = [...outcomes.keys()].filter((outcome) => !/^(done|refused|503 untouched)$/.test(outcome));
    assert.deepEqual(strange, []);
    const [written] = await app.sql("SELECT count(*)::int AS rows FROM later");
    assert.deepEqual(written, { rows: outcomes.get("done") });
    assert.deepEqual(await app.sql("SELECT name FROM fleet_cluster.replicas ORDER BY name"), [
      { name: one.name },
      { name: two.name },
    ]);
    assert.deepEqual(await app.sql("SELECT FROM fleet_cluster.locks"), []);
  });
});
