import type { ClientConfig } from "pg";

/** What the launcher's environment makes of a process: the control plane, a host of apps, or a dedicated app. */
export type Role = "entry" | "environment" | "app";
const ROLES: readonly string[] = ["entry", "environment", "app"] satisfies Role[];

export interface SupervisorSettings {
  role: Role;
  /** Key of the environment or the dedicated app. */
  name: string;
  /** Unique among the processes of a role. */
  replica: string;
  /** Address at which the rest of the fleet reaches this process: where it listens, unless a platform says otherwise. */
  url: string;
  registry: ClientConfig & { user: string };
}

/**
 * Reads `FLEET_SUPERVISOR_*`; undefined where this process is part of no supervised fleet.
 * @throws Error, naming the variable, where one is missing
 */
export function supervisorSettings(environment: NodeJS.ProcessEnv): SupervisorSettings | undefined {
  const role = environment.FLEET_SUPERVISOR_ROLE;
  if (role === undefined || role === "") return undefined;
  if (!isRole(role)) throw new Error(`FLEET_SUPERVISOR_ROLE is "${role}"; allowed: ${ROLES.join(", ")}`);
  const needed = (name: string): string => {
    const value = environment[`FLEET_SUPERVISOR_${name}`];
    if (value === undefined || value === "") throw new Error(`FLEET_SUPERVISOR_${name} is not set`);
    return value;
  };
  const name = needed("NAME");
  return {
    role,
    name,
    replica: environment.FLEET_REPLICA ?? name,
    url: environment.FLEET_SUPERVISOR_URL ?? `http://${environment.APP_HOST}:${environment.APP_PORT}`,
    registry: {
      host: needed("DB_HOST"),
      port: Number(needed("DB_PORT")),
      database: needed("DB_NAME"),
      user: needed("DB_USER"),
      password: needed("DB_PASSWORD"),
      ssl: tls(environment.FLEET_SUPERVISOR_DB_SSL_MODE),
      application_name: `fleet supervisor ${name}`,
    },
  };
}

function isRole(text: string): text is Role {
  return ROLES.includes(text);
}

/** libpq's modes: `require` encrypts without checking the certificate. */
function tls(mode: string | undefined): ClientConfig["ssl"] {
  if (mode === undefined || mode === "" || mode === "disable") return false;
  return { rejectUnauthorized: mode !== "require" };
}
