import * as path from "node:path";

/** Names that follow from a plan: of servers and instances. */
export const PLAN_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
/** Names of a unit and so of its files: a name of the plan, with a number where it is a further replica. */
export const UNIT_NAME = /^[a-z0-9][a-z0-9-]{0,62}(\.[0-9]{1,3})?$/;

/** Where the supervisor of a root keeps its things. */
export interface SupervisorLayout {
  folder: string;
  units: string;
  states: string;
  environments: string;
  /** Read by the gateway. */
  endpoints: string;
  logs: string;
  socket: string;
  daemonLog: string;
  unitFile(name: string): string;
  stateFile(name: string): string;
  envFile(name: string): string;
  logFile(name: string): string;
}

/** Paths below a stack's root folder. */
export function supervisorLayout(root: string): SupervisorLayout {
  const folder = path.join(root, "supervisor");
  const units = path.join(folder, "units");
  const states = path.join(folder, "state");
  const environments = path.join(folder, "env");
  const endpoints = path.join(folder, "endpoints");
  const logs = path.join(root, "logs");
  return {
    folder,
    units,
    states,
    environments,
    endpoints,
    logs,
    socket: path.join(folder, "socket"),
    daemonLog: path.join(logs, "supervisor.log"),
    unitFile: (name) => path.join(units, `${name}.json`),
    stateFile: (name) => path.join(states, `${name}.json`),
    envFile: (name) => path.join(environments, `${name}.json`),
    logFile: (name) => path.join(logs, `${name}.log`),
  };
}
