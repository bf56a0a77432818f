/** Environment variables of a NocoBase in a pod. Pure. */
import type { InstancePlan } from "../../plan/types";

export type Variables = Readonly<Record<string, string>>;

/** NocoBase ends in 1.4–2.4 s, a replica some seconds later. */
export const LAUNCHER_GRACE_SECONDS = 15;
/** Of the memory limit; the rest is for code, buffers and native libraries. */
const HEAP_SHARE = 0.75;

/**
 * Memory of an instance that names none, MiB. Measured: 485 after a start, 555 after the first one, and some 50 for
 * each hosted app.
 */
export function memoryLimit({ resources, hostsApps }: InstancePlan): number {
  return resources.memoryMiB ?? (hostsApps ? 2048 : 1024);
}

/**
 * Variables without secrets, sorted.
 *
 * @param url where the rest of the fleet reaches the instance, whichever of its pods answers
 */
export function plainVariables(plan: InstancePlan, url: string, sslMode: string): Variables {
  const heap = plan.heapLimitMiB ?? Math.floor(memoryLimit(plan) * HEAP_SHARE);
  const variables: Record<string, string> = {
    ...plan.env,
    ...(isSupervised(plan) ? { FLEET_SUPERVISOR_URL: url } : {}),
    APP_HOST: "0.0.0.0",
    APP_PORT: String(plan.port),
    DB_DIALECT: "postgres",
    ...tlsVariables(sslMode),
    NODE_OPTIONS: `--preserve-symlinks --max-old-space-size=${heap}`,
    SHUTDOWN_GRACE_MS: String(LAUNCHER_GRACE_SECONDS * 1000),
  };
  return Object.fromEntries(Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether it enters the fleet's registry. */
export function isSupervised({ env }: Pick<InstancePlan, "env">): boolean {
  return env.FLEET_SUPERVISOR_ROLE !== undefined;
}

/** NocoBase hands these to node-postgres: `require` encrypts without checking the certificate, as libpq's does. */
function tlsVariables(sslMode: string): Variables {
  if (sslMode === "disable") return {};
  return {
    DB_DIALECT_OPTIONS_SSL_MODE: sslMode,
    DB_DIALECT_OPTIONS_SSL_REJECT_UNAUTHORIZED: String(sslMode !== "require"),
  };
}
