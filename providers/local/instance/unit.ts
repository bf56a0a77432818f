/** How a NocoBase instance runs: its environment and its place under the supervisor. */
import * as path from "node:path";
import { PROJECT_DIR } from "../../../toolchain/locations";
import { releaseFolder } from "../release";
import { REPLICA_UNAVAILABLE_HEADER } from "../gateway/headers";
import { UNIT_ORDER, type Environment, type WantedUnit } from "../handlers/units";
import { instanceUrl, type InstanceInputs, type Replica } from "./inputs";

const SERVE = path.join(PROJECT_DIR, "providers", "local", "launcher", "serve.cjs");
/** NocoBase ends in 1.4–2.4 s; the launcher's own limit comes before the supervisor's. */
const LAUNCHER_GRACE_MS = 15_000;
/** A first start takes 10–25 s, an upgrade to another release longer. */
export const START_LIMIT_MS = 5 * 60_000;

/** Requests under way may take this long before a process is stopped; NocoBase's longest actions answer at once and go on. */
const DRAIN_MS = 30_000;
/** Of the memory limit; the rest is for code, buffers and native libraries. */
const HEAP_SHARE = 0.75;

/** Folders of an instance below the stack's root. */
export function instanceLayout(root: string, name: string): { folder: string; storage: string } {
  const folder = path.join(root, name);
  return { folder, storage: path.join(folder, "storage") };
}

/** V8's heap limit, MiB: as declared, or within the memory limit, so that V8 collects before the kernel kills. */
function heapLimit({ heapLimitMiB, resources }: InstanceInputs): number | undefined {
  if (heapLimitMiB !== undefined) return heapLimitMiB;
  return resources.memoryMiB === undefined ? undefined : Math.floor(resources.memoryMiB * HEAP_SHARE);
}

/** All environment variables of a process; goes into a 0600 file, never into arguments. */
export function instanceEnvironment(root: string, inputs: InstanceInputs, replica: Replica): Environment {
  const { database } = inputs;
  const { storage } = instanceLayout(root, inputs.name);
  const modules = path.join(releaseFolder(inputs.release), "node_modules");
  const limit = heapLimit(inputs);
  const heap = limit === undefined ? "" : ` --max-old-space-size=${limit}`;
  return {
    ...inputs.env,
    ...inputs.secretEnv,
    APP_HOST: inputs.host,
    APP_PORT: String(replica.port),
    FLEET_REPLICA: replica.name,
    DB_DIALECT: "postgres",
    DB_HOST: database.host,
    DB_PORT: String(database.port),
    DB_DATABASE: database.name,
    DB_USER: database.user,
    DB_PASSWORD: database.password,
    ...tlsVariables(database.sslMode),
    STORAGE_PATH: storage,
    // Kernels cut socket addresses at 108 bytes; the folder the process stands in is the storage it shares with the others.
    SOCKET_PATH: `/proc/self/cwd/gateway${replica.number === 1 ? "" : `.${replica.number}`}.sock`,
    NODE_PATH: modules,
    NODE_MODULES_PATH: modules,
    NODE_OPTIONS: `--preserve-symlinks${heap}`,
    // The shared install is rendered once and never written to again.
    NOCOBASE_EXTRACT_CLIENT_ASSETS: "true",
    SHUTDOWN_GRACE_MS: String(LAUNCHER_GRACE_MS),
  };
}

/** NocoBase hands these to node-postgres: `require` encrypts without checking the certificate, as libpq's does. */
function tlsVariables(sslMode: string | undefined): Environment {
  if (sslMode === undefined || sslMode === "disable") return {};
  return {
    DB_DIALECT_OPTIONS_SSL_MODE: sslMode,
    DB_DIALECT_OPTIONS_SSL_REJECT_UNAUTHORIZED: String(sslMode !== "require"),
  };
}

/** The supervised process of one replica. */
export function instanceUnit(root: string, inputs: InstanceInputs, replica: Replica): WantedUnit {
  const url = instanceUrl({ host: inputs.host, port: replica.port });
  // Where others can take its requests, it is worth the while to notice soon that it doesn't answer.
  const health =
    inputs.replicas > 1
      ? { intervalMs: 2000, timeoutMs: 4000, failures: 20 }
      : { intervalMs: 5000, timeoutMs: 10_000, failures: 8 };
  return {
    name: replica.name,
    kind: "nocobase",
    order: UNIT_ORDER.nocobase,
    args: [SERVE, "start", "--quickstart"],
    cwd: instanceLayout(root, inputs.name).storage,
    environment: instanceEnvironment(root, inputs, replica),
    health: {
      // APP_ERROR: it gave up, e.g. since its database was away; it stays so until it is started anew.
      probe: {
        kind: "http",
        url: `${url}/api/__health_check`,
        fatalText: "APP_ERROR",
        healsHeader: REPLICA_UNAVAILABLE_HEADER,
      },
      ...health,
      startTimeoutMs: START_LIMIT_MS,
    },
    service: { name: inputs.name, url, drainMs: DRAIN_MS },
    limits: inputs.resources,
    stop: { signal: "SIGTERM", graceMs: LAUNCHER_GRACE_MS + 5000 },
    desired: inputs.state,
  };
}
