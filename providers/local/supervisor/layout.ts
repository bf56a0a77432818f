import * as path from "node:path";

/** Names of a unit and so of its files. */
export const UNIT_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Where the supervisor of a root keeps its things. */
export interface SupervisorLayout {
  folder: string;
  units: string;
  states: string;
  environments: string;
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
  const logs = path.join(root, "logs");
  return {
    folder,
    units,
    states,
    environments,
    logs,
    socket: path.join(folder, "socket"),
    daemonLog: path.join(logs, "supervisor.log"),
    unitFile: (name) => path.join(units, `${name}.json`),
    stateFile: (name) => path.join(states, `${name}.json`),
    envFile: (name) => path.join(environments, `${name}.json`),
    logFile: (name) => path.join(logs, `${name}.log`),
  };
}
