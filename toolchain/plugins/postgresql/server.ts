/** Connections to the one server that a provider speaks of. */
import type { Pool, PoolClient, PoolConfig } from "pg";
import { serverConfig, tlsOptions, type ServerConfig } from "./config";
import { connectionError } from "./errors";
import { loadPg } from "./pg";
import type { Props } from "../../../providers/kit/types";

/** Rows of a query, each column by its name. */
export type Row = Record<string, unknown>;

/** Runs one statement. */
export type Query = (text: string, values?: unknown[]) => Promise<Row[]>;

/** Idle connections would keep a server from stopping and a database from being dropped. */
const IDLE_MS = 500;

/** The pool wants a number. */
const UNLIMITED = 1000;

export class Server {
  private readonly pools = new Map<string, Pool>();
  /** False once a server that need not have TLS turned out to have none. */
  private hasTls = true;

  constructor(readonly config: ServerConfig) {}

  /** Where the server is, for messages: `127.0.0.1:5432`. */
  get address(): string {
    return `${this.config.host}:${this.config.port}`;
  }

  /** Major version, e.g. 15. */
  async version(query: Query): Promise<number> {
    const [row] = await query("SHOW server_version_num");
    return Math.floor(Number(row?.server_version_num) / 10_000);
  }

  /** @param database default: the provider's own @throws Error that tells how connecting failed */
  async withConnection<T>(work: (query: Query) => Promise<T>, database?: string): Promise<T> {
    const client = await this.connect(database ?? this.config.database);
    const query: Query = async (text, values) => (await client.query<Row>(text, values)).rows;
    let fault: unknown;
    try {
      return await work(query);
    } catch (error) {
      fault = error;
      throw error;
    } finally {
      client.release(fault instanceof Error && !("code" in fault));
    }
  }

  /** All or nothing. */
  async inTransaction<T>(work: (query: Query) => Promise<T>, database?: string): Promise<T> {
    return await this.withConnection(async (query) => {
      await query("BEGIN");
      try {
        const result = await work(query);
        await query("COMMIT");
        return result;
      } catch (error) {
        await query("ROLLBACK").catch(() => undefined);
        throw error;
      }
    }, database);
  }

  private async connect(database: string, tls = this.hasTls): Promise<PoolClient> {
    try {
      return await (await this.pool(database, tls)).connect();
    } catch (error) {
      const refused = error instanceof Error && error.message.includes("does not support SSL");
      if (!refused || !tls || this.config.sslMode !== "prefer") {
        throw connectionError(error, this.config, database);
      }
      this.hasTls = false;
      return await this.connect(database);
    }
  }

  private async pool(database: string, tls: boolean): Promise<Pool> {
    const { Pool } = await loadPg();
    const key = JSON.stringify([database, tls]);
    const existing = this.pools.get(key);
    if (existing) return existing;
    const { host, port, username, password, connectTimeoutSeconds, maxConnections } = this.config;
    const isOwn = database === this.config.database;
    const options: PoolConfig = {
      host,
      port,
      user: username,
      password,
      database,
      ssl: tls && tlsOptions(this.config),
      max: maxConnections === 0 ? UNLIMITED : maxConnections,
      connectionTimeoutMillis: connectTimeoutSeconds * 1000,
      idleTimeoutMillis: IDLE_MS,
      ...(isOwn ? {} : { maxUses: 1 }),
      application_name: "nocobase-fleet",
      allowExitOnIdle: true,
    };
    const pool = new Pool(options);
    // The server may go at any time while a connection is idle; the next query tells.
    pool.on("error", () => undefined);
    this.pools.set(key, pool);
    return pool;
  }
}

const servers = new WeakMap<Props, Server>();

/** The server of a provider configuration; one for each process, since an engine starts one for each provider. */
export function serverOf(config: Props): Server {
  const known = servers.get(config);
  if (known) return known;
  const server = new Server(serverConfig(config));
  servers.set(config, server);
  return server;
}
