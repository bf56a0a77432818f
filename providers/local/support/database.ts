import type { ClientConfig } from "pg";
import { messageOf } from "./files";

export interface ConnectionSettings {
  host: string;
  port: number;
  name: string;
  user: string;
  password: string;
  sslMode?: string;
}

/** One query as the app's own role. Throws an error that names server, database and role, with PostgreSQL's reason. */
export async function queryDatabase<Row>(connection: ConnectionSettings, sql: string): Promise<Row[]> {
  // Loaded here since most calls of the provider never come to it.
  const { Client } = await import("pg");
  const { host, port, name, user, password, sslMode } = connection;
  const tls =
    sslMode === undefined || sslMode === "disable" ? false : { rejectUnauthorized: sslMode !== "require" };
  const config: ClientConfig = {
    host,
    port,
    database: name,
    user,
    password,
    ssl: tls,
    connectionTimeoutMillis: 10_000,
  };
  const client = new Client({ ...config, application_name: "nocobase-fleet" });
  try {
    await client.connect();
    return (await client.query(sql)).rows as Row[];
  } catch (error) {
    const where = `Database ${name} on ${host}:${port} as role ${user}`;
    // node-postgres reports a refused connection to a host with several addresses without a text.
    throw new Error(
      `${where}: ${messageOf(error) || (error as { code?: string }).code || "cannot be reached"}`,
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}
