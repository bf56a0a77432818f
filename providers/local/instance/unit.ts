/** How a NocoBase instance runs: its environment and its place under the supervisor. */
import * as path from "node:path";
import { releaseFolder } from "../release";
import { UNIT_ORDER, type Environment, type WantedUnit } from "../handlers/units";
import { instanceUrl, type InstanceInputs } from "./inputs";

const SERVE = path.join(path.dirname(__dirname), "launcher", "serve.cjs");
/** NocoBase ends in 1.4–2.4 s; the launcher's own limit comes before the supervisor's. */
const LAUNCHER_GRACE_MS = 15_000;
/** A first start takes 10–25 s, an upgrade to another release longer. */
export const START_LIMIT_MS = 5 * 60_000;

/** Folders of an instance below the stack's root. */
export function instanceLayout(root: string, name: string): { folder: string; storage: string } {
  const folder = path.join(root, name);
  return { folder, storage: path.join(folder, "storage") };
}

/** All environment variables of the process; goes into a 0600 file, never into arguments. */
export function instanceEnvironment(root: string, inputs: InstanceInputs): Environment {
  const { database } = inputs;
  const { storage } = instanceLayout(root, inputs.name);
  const modules = path.join(releaseFolder(inputs.release), "node_modules");
  const heap = inputs.heapLimitMiB === undefined ? "" : ` --max-old-space-size=${inputs.heapLimitMiB}`;
  return {
    ...inputs.env,
    ...inputs.secretEnv,
    APP_HOST: inputs.host,
    APP_PORT: String(inputs.port),
    DB_DIALECT: "postgres",
    DB_HOST: database.host,
    DB_PORT: String(database.port),
    DB_DATABASE: database.name,
    DB_USER: database.user,
    DB_PASSWORD: database.password,
    ...tlsVariables(database.sslMode),
    STORAGE_PATH: storage,
    // Kernels cut socket addresses at 108 bytes; the folder the process stands in is its storage.
    SOCKET_PATH: "/proc/self/cwd/gateway.sock",
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

/** The supervised process. */
export function instanceUnit(root: string, inputs: InstanceInputs): WantedUnit {
  return {
    name: inputs.name,
    kind: "nocobase",
    order: UNIT_ORDER.nocobase,
    args: [SERVE, "start", "--quickstart"],
    cwd: instanceLayout(root, inputs.name).storage,
    environment: instanceEnvironment(root, inputs),
    health: {
      // APP_ERROR: it gave up, e.g. since its database was away; it stays so until it is started anew.
      probe: { kind: "http", url: `${instanceUrl(inputs)}/api/__health_check`, fatalText: "APP_ERROR" },
      intervalMs: 5000,
      timeoutMs: 10_000,
      failures: 8,
      startTimeoutMs: START_LIMIT_MS,
    },
    stop: { signal: "SIGTERM", graceMs: LAUNCHER_GRACE_MS + 5000 },
    desired: inputs.state,
  };
}
