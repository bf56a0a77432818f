/** The lease by which a replica belongs to the cluster: SQL on its row, nothing kept in memory. */
import type { ClientBase, Pool } from "pg";
import { setTimeout as sleep } from "node:timers/promises";

/** What pg_stat_activity shows for every connection of a replica, NocoBase's own pool included. */
export function applicationName(replica: string): string {
  return `fleet ${replica}`;
}

/** An id is free for a new replica only when its last holder's second has passed on any clock that is near ours. */
const WORKER_ID_REST = "5 seconds";
const FENCE_POLLS = 40;

export interface Lease {
  id: string;
  name: string;
  leaseMs: number;
}

/**
 * Enters a replica, with a lease and the worker id that has rested longest. An earlier replica of the same name,
 * paused or left from a crash, is shut out first.
 * @throws Error where all 32 worker ids are leased
 */
export async function register(client: ClientBase, schema: string, lease: Lease): Promise<number> {
  await removeDead(client, schema, `name = $1 AND id <> $2`, [lease.name, lease.id]);
  for (;;) {
    const taken = await tryRegister(client, schema, lease);
    if (taken !== undefined) return taken;
    // All ids that nobody holds still rest.
    await sleep(500);
  }
}

async function tryRegister(client: ClientBase, schema: string, lease: Lease): Promise<number | undefined> {
  await client.query("BEGIN");
  try {
    await client.query(
      `INSERT INTO ${schema}.replicas (id, name, expires_at)
       VALUES ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
       ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at`,
      [lease.id, lease.name, lease.leaseMs],
    );
    const { rows } = await client.query<{ id: number }>(
      `UPDATE ${schema}.worker_ids SET owner = $1, used_at = clock_timestamp() WHERE id = (
         SELECT id FROM ${schema}.worker_ids
         WHERE owner IS NULL AND used_at < clock_timestamp() - interval '${WORKER_ID_REST}'
         ORDER BY used_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [lease.id],
    );
    if (rows[0]) {
      await client.query("COMMIT");
      return rows[0].id;
    }
    const free = await client.query(`SELECT 1 FROM ${schema}.worker_ids WHERE owner IS NULL LIMIT 1`);
    await client.query("ROLLBACK");
    if (free.rowCount === 0)
      throw new Error(
        "All 32 worker ids of NocoBase are leased: an app runs as 32 replicas at most. Lower its replicas.",
      );
    return undefined;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** What a renewal found: whether the replica still belongs, and how many others' leases have run out. */
export interface Renewal {
  renewed: boolean;
  dead: number;
}

/** Renews a lease, also one that ran out, as long as no other replica has removed it: then all it held is still its own. */
export async function renew(client: ClientBase, schema: string, lease: Lease): Promise<Renewal> {
  const { rows } = await client.query<{ dead: number }>(
    `WITH mine AS (
       UPDATE ${schema}.replicas SET expires_at = clock_timestamp() + $2 * interval '1 millisecond'
       WHERE id = $1 RETURNING id),
     ids AS (UPDATE ${schema}.worker_ids SET used_at = clock_timestamp() WHERE owner = $1 AND EXISTS (SELECT FROM mine))
     SELECT (SELECT count(*)::int FROM ${schema}.replicas WHERE expires_at < clock_timestamp() AND id <> $1) AS dead
     FROM mine`,
    [lease.id, lease.leaseMs],
  );
  return { renewed: rows.length > 0, dead: rows[0]?.dead ?? 0 };
}

/** Removes the replicas whose leases ran out and gives free what they held. Returns how many. */
export async function reap(pool: Pool, schema: string): Promise<number> {
  const client = await pool.connect();
  try {
    return await removeDead(client, schema, "expires_at < clock_timestamp()", []);
  } finally {
    client.release();
  }
}

/**
 * Fences first: every database connection of a dead replica is ended, so that one that was only paused can't write
 * any more, and the locks and open transactions of its sessions go. Then its tasks, locks and worker id are free.
 */
async function removeDead(
  client: ClientBase,
  schema: string,
  which: string,
  values: unknown[],
): Promise<number> {
  await client.query("BEGIN");
  try {
    const { rows } = await client.query<{ id: string }>(
      `SELECT id FROM ${schema}.replicas WHERE ${which} FOR UPDATE SKIP LOCKED`,
      values,
    );
    const ids = rows.map(({ id }) => id);
    if (ids.length > 0) {
      await endConnections(client, ids.map(applicationName));
      await release(client, schema, ids, 1);
    }
    await client.query("COMMIT");
    return ids.length;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** Leaves the cluster: what the replica held is free at once. */
export async function leave(client: ClientBase, schema: string, id: string): Promise<void> {
  await release(client, schema, [id], 0);
}

async function release(client: ClientBase, schema: string, ids: string[], handovers: number): Promise<void> {
  await client.query(
    `WITH freed AS (
       UPDATE ${schema}.tasks SET owner = NULL, handovers = handovers + $2 WHERE owner = ANY($1) RETURNING channel),
     unlocked AS (DELETE FROM ${schema}.locks WHERE owner = ANY($1) RETURNING key),
     ids AS (UPDATE ${schema}.worker_ids SET used_at = clock_timestamp(), owner = NULL WHERE owner = ANY($1)),
     gone AS (DELETE FROM ${schema}.replicas WHERE id = ANY($1))
     SELECT pg_notify($3, 'task ' || channel) FROM freed
     UNION ALL SELECT pg_notify($3, 'lock ' || left(key, 1000)) FROM unlocked`,
    [ids, handovers, schemaName(schema)],
  );
}

/** Ends sessions and waits until they are gone; a role may end those of its own. */
async function endConnections(client: ClientBase, names: string[]): Promise<void> {
  for (let poll = 0; poll < FENCE_POLLS; poll++) {
    const { rowCount } = await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = ANY($1) AND datname = current_database() AND pid <> pg_backend_pid()`,
      [names],
    );
    // The view is a snapshot for the whole transaction unless it is dropped.
    await client.query("SELECT pg_stat_clear_snapshot()");
    if (rowCount === 0) return;
    await sleep(50);
  }
  throw new Error("sessions of a replica that is gone don't end; trying again");
}

/** The name of the notification channel: the schema's own, without quotes. */
export function schemaName(schema: string): string {
  return schema.startsWith('"') ? schema.slice(1, -1).replaceAll('""', '"') : schema;
}
