import { escapeIdentifier, type ClientBase } from "pg";

/** Each entry is a version; a published one never changes. */
const versions: readonly ((schema: string) => string)[] = [
  (schema) => `
    CREATE TABLE ${schema}.replicas (
      id uuid PRIMARY KEY,
      name text NOT NULL,
      started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz NOT NULL
    );
    -- An id is taken up again only after a while: ids are made of seconds, the worker id and a counter from 0.
    CREATE TABLE ${schema}.worker_ids (
      id int PRIMARY KEY,
      owner uuid UNIQUE REFERENCES ${schema}.replicas ON DELETE SET NULL,
      used_at timestamptz NOT NULL DEFAULT '-infinity'
    );
    INSERT INTO ${schema}.worker_ids (id) SELECT generate_series(0, 31);
    CREATE TABLE ${schema}.messages (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      channel text NOT NULL,
      body text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX ON ${schema}.messages (created_at);
    -- Unlogged: taking a lock then costs no write to disk. Holders claim theirs again after a crash of the server.
    CREATE UNLOGGED TABLE ${schema}.locks (
      key text PRIMARY KEY,
      owner uuid NOT NULL,
      token uuid NOT NULL,
      expires_at timestamptz NOT NULL,
      wanted boolean NOT NULL DEFAULT false
    );
    CREATE TABLE ${schema}.tasks (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      channel text NOT NULL,
      content jsonb,
      options jsonb NOT NULL,
      retried int NOT NULL DEFAULT 0,
      handovers int NOT NULL DEFAULT 0,
      available_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      owner uuid
    );
    CREATE INDEX ON ${schema}.tasks (channel, id) WHERE owner IS NULL;
    CREATE INDEX ON ${schema}.tasks (owner) WHERE owner IS NOT NULL;
    CREATE SEQUENCE ${schema}.cache_version;
    CREATE UNLOGGED TABLE ${schema}.cache (
      key text PRIMARY KEY,
      value text,
      version bigint NOT NULL,
      changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz NOT NULL DEFAULT 'infinity'
    );
  `,
];

/** Brings the plugin's schema to this version. Replicas that start together wait for the one that does it. */
export async function migrate(client: ClientBase, schemaName: string): Promise<void> {
  const schema = escapeIdentifier(schemaName);
  await client.query("BEGIN");
  try {
    await client.query("SELECT pg_advisory_xact_lock(hashtext($1))", [`fleet migrations of ${schemaName}`]);
    const { rows } = await client.query<{ version: number | null }>(
      `SELECT to_regclass($1) IS NOT NULL AS known, NULL AS version`,
      [`${schema}.migrations`],
    );
    const current = (rows[0] as { known?: boolean }).known ? await currentVersion(client, schema) : 0;
    if (current === 0) {
      await client.query(
        `CREATE SCHEMA IF NOT EXISTS ${schema};
         CREATE TABLE IF NOT EXISTS ${schema}.migrations (
           version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
      );
    }
    for (const [index, statements] of versions.entries()) {
      if (index < current) continue;
      await client.query(statements(schema));
      await client.query(`INSERT INTO ${schema}.migrations (version) VALUES ($1)`, [index + 1]);
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

async function currentVersion(client: ClientBase, schema: string): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    `SELECT coalesce(max(version), 0) AS version FROM ${schema}.migrations`,
  );
  return rows[0]?.version ?? 0;
}
