/** Environment of a NocoBase in a container: what may be seen, and what goes into a file. Pure. */
import type { InstancePlan, ReplicaPlan } from "../../plan/types";
import type { NocoBaseProfile } from "./images/profiles";
import { hostOf, replicaUrl } from "./names";

/** The router learns from the health check that a replica is going to stop, and asks four times a second. */
const DRAIN_NOTICE_SECONDS = 3;
/** Requests in work may take this long then. */
const DRAIN_LIMIT_SECONDS = 20;
/** NocoBase ends in 1.4–2.4 s after that; the launcher's own limit comes before Docker's. */
export const LAUNCHER_GRACE_SECONDS = DRAIN_NOTICE_SECONDS + DRAIN_LIMIT_SECONDS + 15;
/** Of the memory limit; the rest is for code, buffers and native libraries. */
const HEAP_SHARE = 0.75;

/**
 * Memory of an instance that names none, MiB. Measured: 485 after a start, 555 after the first one, and some 50 for
 * each hosted app.
 */
export function memoryLimit({ resources, hostsApps, supervised }: InstancePlan): number {
  return resources.memoryMiB ?? (hostsApps || supervised === "worker" ? 2048 : 1024);
}

export interface PlainSettings {
  readonly plan: InstancePlan;
  readonly replica: ReplicaPlan;
  readonly profile: NocoBaseProfile;
  readonly database: { host: string; port: number; name: string; user: string; sslMode: string };
}

/** Variables without secrets, as `NAME=value`, sorted. */
export function plainVariables({ plan, replica, profile, database }: PlainSettings): string[] {
  const heap = plan.heapLimitMiB ?? Math.floor(memoryLimit(plan) * HEAP_SHARE);
  const variables: Record<string, string> = {
    ...plan.env,
    ...profile.env,
    FLEET_REPLICA: replica.name,
    ...(plan.env.FLEET_SUPERVISOR_ROLE
      ? { FLEET_SUPERVISOR_URL: replicaUrl(replica.name, profile.port) }
      : {}),
    FLEET_DRAIN_NOTICE_MS: String(DRAIN_NOTICE_SECONDS * 1000),
    FLEET_DRAIN_LIMIT_MS: String(DRAIN_LIMIT_SECONDS * 1000),
    DB_DIALECT: "postgres",
    DB_HOST: database.host,
    DB_PORT: String(database.port),
    DB_DATABASE: database.name,
    DB_USER: database.user,
    ...tlsVariables(database.sslMode),
    ...(plan.supervised === "worker"
      ? { ENVIRONMENT_PROXY_URL: `http://${hostOf(replica.name)}:${profile.port}` }
      : {}),
    NODE_OPTIONS: `--preserve-symlinks --max-old-space-size=${heap}`,
    SHUTDOWN_GRACE_MS: String(LAUNCHER_GRACE_SECONDS * 1000),
  };
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}

/** NocoBase hands these to node-postgres: `require` encrypts without checking the certificate, as libpq's does. */
function tlsVariables(sslMode: string): Record<string, string> {
  if (sslMode === "disable") return {};
  return {
    DB_DIALECT_OPTIONS_SSL_MODE: sslMode,
    DB_DIALECT_OPTIONS_SSL_REJECT_UNAUTHORIZED: String(sslMode !== "require"),
  };
}

/** Text of the file with the secret variables. */
export function secretsText(
  format: NocoBaseProfile["secrets"]["format"],
  variables: Readonly<Record<string, string>>,
): string {
  const sorted = Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1));
  if (format === "json") return JSON.stringify(Object.fromEntries(sorted));
  return sorted.map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`).join("");
}
