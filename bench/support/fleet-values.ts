/** Stack files of any size. */

/** Apps that share one environment: about what one Node process carries. */
export const APPS_PER_ENVIRONMENT = 10;

const FIRST_PORT = 20_000;

/**
 * The `nocobase-fleet:*` values, without their namespace, of a hybrid fleet with so many shared apps, ten to an
 * environment. Ports are named: derived ones would collide in a fleet of hundreds of environments, which is refused.
 */
export function fleetValues(apps: number): Record<string, unknown> {
  const environment = (index: number) => `env-${Math.floor(index / APPS_PER_ENVIRONMENT)}`;
  const environments = Math.ceil(apps / APPS_PER_ENVIRONMENT);
  const numbered = (count: number) => Array.from({ length: count }, (_, index) => index);
  return {
    gateway: { port: FIRST_PORT },
    databaseServers: { main: { kind: "managed", port: FIRST_PORT + 1 } },
    entry: { port: FIRST_PORT + 2 },
    environments: Object.fromEntries(
      numbered(environments).map((index) => [`env-${index}`, { port: FIRST_PORT + 3 + index }]),
    ),
    apps: Object.fromEntries(
      numbered(apps).map((index) => [
        `app-${index}`,
        { title: `App ${index}`, environment: environment(index) },
      ]),
    ),
  };
}

/** The values under their namespace, as a stack file's `config` holds them. */
export function namespaced(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`nocobase-fleet:${key}`, value]));
}
