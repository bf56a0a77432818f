import { escapeIdentifier, type ClientBase } from "pg";

/** Statements that bring a schema, whose quoted name they get, to the next version. A published one never changes. */
export type Migration = (schema: string) => string;

/** Brings a schema to the last of its `versions`. Processes that start together wait for the one that does it. */
export async function migrateSchema(
  client: ClientBase,
  schemaName: string,
  versions: readonly Migration[],
): Promise<void> {
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
