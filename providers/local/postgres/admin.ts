/** What the server's administrator asks of it. */
import type { Client as PgClient } from "pg";
import { HOST } from "./cluster";

export interface AdminAccess {
  port: number;
  adminUser: string;
  adminPassword: string;
}

/** SQLSTATE `invalid_password`. */
const INVALID_PASSWORD = "28P01";

/** Runs `use` with a connection to the database `postgres`. */
async function connected<T>(access: AdminAccess, use: (client: PgClient) => Promise<T>): Promise<T> {
  // Loaded here since most calls of the provider never come to it.
  const { Client } = await import("pg");
  const client = new Client({
    host: HOST,
    port: access.port,
    user: access.adminUser,
    password: access.adminPassword,
    database: "postgres",
    connectionTimeoutMillis: 10_000,
    application_name: "nocobase-fleet",
  });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Whether the server takes this password. */
export async function acceptsPassword(access: AdminAccess): Promise<boolean> {
  try {
    await connected(access, () => Promise.resolve());
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === INVALID_PASSWORD) return false;
    throw error;
  }
}

/** Changes the administrator's password, signing in with the one in `access`. */
export async function changePassword(access: AdminAccess, password: string): Promise<void> {
  await connected(access, async (client) => {
    // A statement that fails is logged, password and all, unless told otherwise.
    await client.query("SET log_min_error_statement = panic");
    await client.query(
      `ALTER ROLE ${client.escapeIdentifier(access.adminUser)} PASSWORD ${client.escapeLiteral(password)}`,
    );
  });
}

/** Names of databases that are not PostgreSQL's own, sorted. */
export async function foreignDatabases(access: AdminAccess): Promise<string[]> {
  return connected(access, async (client) => {
    const sql =
      "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1";
    return (await client.query<{ datname: string }>(sql)).rows.map((row) => row.datname);
  });
}
