import { hostname } from "node:os";
import { isMainThread, threadId } from "node:worker_threads";
import type { ClientConfig } from "pg";
import type { Database } from "../../../../shared/contracts/core";

/** How long a silent replica keeps what it holds, milliseconds. Shorter hands over sooner, and tolerates less stalling. */
const DEFAULT_LEASE_MS = 15_000;
const DEFAULT_NOTICE_MS = 1000;
const DEFAULT_REQUEST_LIMIT_MS = 3000;

export interface MemberSettings {
  connection: ClientConfig;
  /** Schema of this plugin's tables, and name of its notification channel. */
  schema: string;
  /** Unique among the replicas of an app; a replica that starts takes over from an earlier one of its name. */
  name: string;
  leaseMs: number;
}

/** The settings of this process: the app's own database, and what the launcher's environment says. */
export function memberSettings(database: Database, environment: NodeJS.ProcessEnv): MemberSettings {
  const { host, port, database: name, username, password } = database.sequelize.config;
  const ssl = database.options.dialectOptions?.ssl as ClientConfig["ssl"];
  return {
    connection: { host, port: Number(port), database: name, user: username, password, ssl },
    schema: clusterSchema(database.options.schema),
    name: `${environment.FLEET_REPLICA ?? `${hostname()}-${process.pid}`}${thread()}`,
    leaseMs: positive(environment.FLEET_LEASE_MS) ?? DEFAULT_LEASE_MS,
  };
}

/**
 * How a replica lets go of its requests before it stops: how long its health check says so first, and how long those in
 * work may take. A gateway that isn't told by a supervisor learns of it by that check alone.
 */
export function drainSettings(environment: NodeJS.ProcessEnv): { noticeMs: number; limitMs: number } {
  return {
    noticeMs: positive(environment.FLEET_DRAIN_NOTICE_MS) ?? DEFAULT_NOTICE_MS,
    limitMs: positive(environment.FLEET_DRAIN_LIMIT_MS) ?? DEFAULT_REQUEST_LIMIT_MS,
  };
}

/** Apps that share a database have a schema each, and so do their clusters. */
export function clusterSchema(appSchema: string | undefined): string {
  return appSchema === undefined || appSchema === "public" ? "fleet_cluster" : `${appSchema}_fleet_cluster`;
}

/** Async tasks run commands in a thread with an app of its own: a further member, not one that takes over. */
function thread(): string {
  return isMainThread ? "" : `+thread${threadId}`;
}

function positive(text: string | undefined): number | undefined {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? value : undefined;
}
