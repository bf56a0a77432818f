/** What one replica can't finish goes on at another; what only one may do is done by one. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { eventually } from "../support/members";
import { LEASE_MS } from "../support/replicas";
import { restarted, type Trio } from "./trio";

/** plugin-async-task-manager 2.2.15, common/constants.ts */
const STATUS = { running: 0, succeeded: 1 };

export function handover(trio: () => Trio): void {
  /** Name of the replica that has the task in work; undefined while none has. */
  async function workerOf(id: string): Promise<string | undefined> {
    const [row] = await trio().app.sql(
      `SELECT r.name FROM "asyncTasks" a, fleet_cluster.tasks t JOIN fleet_cluster.replicas r ON r.id = t.owner
       WHERE a.id = $1 AND t.content->>'id' = $1::text AND a.status = ${STATUS.running}`,
      [id],
    );
    return row?.name as string | undefined;
  }

  /** Publishes an async task as NocoBase does; it runs one of NocoBase's commands in a thread of its own. */
  async function runCommand(...argv: string[]): Promise<string> {
    const id = randomUUID();
    const { app } = trio();
    await app.sql(
      `INSERT INTO "asyncTasks" (id, type, params, "createdAt", "updatedAt") VALUES ($1, 'command', $2, now(), now())`,
      [id, JSON.stringify({ argv })],
    );
    await app.sql(
      `INSERT INTO fleet_cluster.tasks (channel, content, options, retried)
       VALUES ('main.async-task-manager.task', $1, '{}', 0)`,
      [JSON.stringify({ id })],
    );
    return id;
  }

  const statusOf = async (id: string) =>
    (await trio().app.sql(`SELECT status FROM "asyncTasks" WHERE id = $1`, [id]))[0]?.status;

  it("runs an async task whose thread doesn't take the place of its replica", async () => {
    const { app } = trio();
    const pids = app.replicas.map(({ pid }) => pid);
    const id = await runCommand("db:auth");
    await eventually("it is done", async () => (await statusOf(id)) === STATUS.succeeded);
    for (const replica of app.replicas) assert.equal(await replica.health(), 200, replica.name);
    assert.deepEqual(
      app.replicas.map(({ pid, exitCode }) => [pid, exitCode]),
      pids.map((pid) => [pid, null]),
    );
  });

  it("hands over an async task that a killed replica was running", async () => {
    const { app } = trio();
    const id = await runCommand("db:auth");
    let runner: string | undefined;
    await eventually("a replica runs it", async () => (runner = await workerOf(id)) !== undefined);
    const victim = app.replicas.find(({ name }) => name === runner)!;
    const killedAt = Date.now();
    victim.kill("SIGKILL");
    await victim.ended();
    await eventually("another one has done it", async () => (await statusOf(id)) === STATUS.succeeded);
    console.log(`      done ${Date.now() - killedAt} ms after the end of its replica, lease ${LEASE_MS} ms`);
    await restarted(victim);
  });

  it("is upgraded by one replica while the others wait, however many start", async () => {
    const { app } = trio();
    for (const replica of app.replicas) replica.kill("SIGTERM");
    await Promise.all(app.replicas.map((replica) => replica.ended()));
    await app.sql(`UPDATE "applicationVersion" SET value = '2.2.14'`);
    const before = await Promise.all(app.replicas.map(async (replica) => (await replica.log()).length));
    await Promise.all(app.replicas.map((replica) => replica.run()));
    await Promise.all(app.replicas.map((replica) => replica.healthy()));
    assert.deepEqual(await app.sql(`SELECT value FROM "applicationVersion"`), [{ value: "2.2.15" }]);
    const logs = await Promise.all(app.replicas.map((replica) => replica.log()));
    const upgraded = logs.filter((log, index) =>
      log.slice(before[index]).includes('"message":"run upgrade"'),
    );
    assert.equal(upgraded.length, 1);
  });
}
