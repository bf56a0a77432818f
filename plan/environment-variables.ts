/** NocoBase's environment: what every instance gets, and what a stack file must leave alone. */

/** Set on every instance. A stack file may change those that {@link ownedBy} doesn't claim. */
export const defaultEnvironment: Readonly<Record<string, string>> = {
  NODE_ENV: "production",
  APP_ENV: "production",
  TZ: "UTC",
  INIT_APP_LANG: "en-US",
  // Without it each start upgrades again: 14–33 s instead of 2–3.5 s per app.
  SKIP_SAME_VERSION_UPGRADE: "true",
};

/**
 * For an instance that may run as several processes: what keeps them in step is switched on. Each process has its
 * replica's name in `FLEET_REPLICA` besides, which its platform sets.
 */
export const clusterEnvironment: Readonly<Record<string, string>> = { FLEET_CLUSTER: "1" };

const oneInstall = "all instances share one install, so it must be the same for all";
const process = "the platform sets it";

const owned: Readonly<Record<string, string>> = {
  APP_KEY: "the fleet generates it and keeps it for ever",
  APP_AES_SECRET_KEY: "the fleet generates it and keeps it for ever",
  APP_ENV: process,
  APP_HOST: process,
  APP_PORT: "use the key `port`",
  APP_MODE: process,
  APP_PUBLIC_PATH: oneInstall,
  CDN_BASE_URL: oneInstall,
  CLUSTER_MODE: "use the key `replicas`",
  HOME: process,
  LD_LIBRARY_PATH: process,
  LD_PRELOAD: process,
  NOCOBASE_EXTRACT_CLIENT_ASSETS: oneInstall,
  NODE_ENV: process,
  NODE_MODULES_PATH: process,
  NODE_OPTIONS: "use the key `heapLimitMiB`",
  NODE_PATH: process,
  PATH: process,
  PGAPPNAME: process,
  PLUGIN_STORAGE_PATH: process,
  PM2_HOME: process,
  SERVER_PATH: process,
  SHUTDOWN_GRACE_MS: process,
  SKIP_SAME_VERSION_UPGRADE: process,
  SOCKET_PATH: process,
  STARTUP_SUBAPP: "declare the app under `apps`",
  STORAGE_PATH: process,
};

const ownedPrefixes: Readonly<Record<string, string>> = {
  API_: oneInstall,
  APP_COMMAND_: process,
  APP_DISCOVERY_: process,
  APP_PROCESS_: process,
  APP_SUPERVISOR_: "the fleet generates it and keeps it for ever",
  DB_: "use the key `database`",
  ENVIRONMENT_: process,
  FLEET_: process,
  INIT_ROOT_: "use the key `rootEmail`; the password is generated",
  WS_: oneInstall,
};

/** Why the fleet sets this variable itself and what to use instead; undefined where a stack file may set it. */
export function ownedBy(name: string): string | undefined {
  if (Object.hasOwn(owned, name)) return owned[name];
  return Object.entries(ownedPrefixes).find(([prefix]) => name.startsWith(prefix))?.[1];
}
