/** What resources that are processes have in common. */
import * as fs from "node:fs";
import { shortHash } from "../../../toolchain/locations";
import type { Context, PropertyChange } from "../../kit/types";
import { writeFileIfChanged } from "../support/files";
import { describeLog } from "../support/log-lines";
import { assertPortFree } from "../support/ports";
import { endProcess } from "../supervisor/child";
import {
  connectSupervisor,
  isAsDeclared,
  observeUnits,
  waitUntilHealthy,
  withSupervisor,
} from "../supervisor/client";
import { removeLogs } from "../supervisor/logs";
import type { UnitDefinition, UnitStatus } from "../supervisor/protocol";
import { UnitStore } from "../supervisor/store";

/** Started from low to high, stopped from high to low. */
export const UNIT_ORDER = { postgres: 10, nocobase: 20, gateway: 30 } as const;

export type Environment = Readonly<Record<string, string>>;

/** A unit as a resource wants it, before its revision is known. */
export type WantedUnit = Omit<UnitDefinition, "revision" | "envFile" | "command"> & {
  command?: string;
  environment?: Environment;
  /** Contents of files that the process reads once, at its start. */
  configuration?: readonly string[];
};

/** The definition for the supervisor. Node's own path is left out of the revision: another Node alone restarts nothing. */
export function defineUnit(root: string, wanted: WantedUnit): UnitDefinition {
  const { environment, configuration = [], command, ...rest } = wanted;
  const facts = [command ?? "node", rest.args, rest.cwd, rest.uid, rest.gid, environment, configuration];
  return {
    ...rest,
    command: command ?? process.execPath,
    envFile: environment ? new UnitStore(root).layout.envFile(wanted.name) : undefined,
    revision: shortHash(JSON.stringify(facts)),
  };
}

/** Live state of one unit, or undefined. */
export async function findUnit(root: string, name: string): Promise<UnitStatus | undefined> {
  return (await observeUnits(root)).find((unit) => unit.definition.name === name);
}

/** Live state of an instance's replicas, the first one first. */
export async function findReplicas(root: string, instance: string): Promise<UnitStatus[]> {
  const units = (await observeUnits(root)).filter(({ definition: { name, service } }) =>
    service ? service.name === instance : name === instance,
  );
  const byNumber = new Intl.Collator("en", { numeric: true });
  return units.sort((a, b) => byNumber.compare(a.definition.name, b.definition.name));
}

/** True where the unit runs as it should. */
export async function isRunning(root: string, name: string): Promise<boolean> {
  return isAsDeclared(await findUnit(root, name), "running");
}

/** What an update must repair: a process that does not run as declared, or runs with other settings. Empty where all is well. */
export async function unitChanges(root: string, definition: UnitDefinition): Promise<PropertyChange[]> {
  const live = await findUnit(root, definition.name);
  return isInForce(live, definition) ? [] : repairs;
}

/** In the diff of a resource whose processes aren't as they should be. */
export const repairs: PropertyChange[] = [{ path: "running", kind: "update", inputDiff: false }];

/** True where a unit runs (or is stopped) as declared, with these settings. */
export function isInForce(live: UnitStatus | undefined, definition: UnitDefinition): boolean {
  if (!live || !isAsDeclared(live, definition.desired)) return false;
  return live.definition.revision === definition.revision && fs.existsSync(live.definition.command);
}

export interface BringUpOptions {
  context: Context;
  wanted: WantedUnit;
  /** Address it will listen on, and how a user changes it. */
  listens: { host: string; port: number; setting: string };
  timeoutMs: number;
}

/**
 * Hands a unit to the supervisor and waits until it is healthy (or stopped, as declared). Safe to repeat: a process
 * that runs with these settings already is left alone. Throws with the unit's last log lines.
 */
export async function bringUp(root: string, options: BringUpOptions): Promise<void> {
  const { context, wanted, listens } = options;
  const definition = defineUnit(root, wanted);
  const store = new UnitStore(root);
  store.prepare();
  if (definition.envFile !== undefined) {
    writeFileIfChanged(definition.envFile, JSON.stringify(wanted.environment, undefined, 1));
  }
  const before = await findUnit(root, wanted.name);
  const probe = before?.definition.health?.probe;
  const listensAlready = before?.pid !== undefined && probe !== undefined && portOf(probe) === listens.port;
  if (wanted.desired === "running" && !listensAlready) {
    await assertPortFree(listens.host, listens.port, wanted.name, listens.setting);
  }
  await withSupervisor(root, (client) => client.put(definition));
  if (wanted.desired === "stopped") return;
  context.status(`${wanted.name}: starting`);
  try {
    await waitUntilHealthy(root, wanted.name, {
      timeoutMs: options.timeoutMs,
      signal: context.signal,
      onProgress: (unit, seconds) => context.status(progressLine(unit, seconds)),
    });
  } catch (error) {
    context.signal.throwIfAborted();
    const lines = describeLog(store.layout.logFile(wanted.name), 8).map((line) => `  ${line.slice(0, 300)}`);
    throw new Error(`${(error as Error).message}\nIt ends with:\n${lines.join("\n")}`);
  }
}

function portOf(probe: NonNullable<UnitDefinition["health"]>["probe"]): number {
  return probe.kind === "http" ? Number(new URL(probe.url).port) : probe.port;
}

function progressLine(unit: UnitStatus, seconds: number): string {
  const restarts = unit.state.restarts > 0 ? `, start ${unit.state.restarts + 1}` : "";
  const [last] = describeLog(unit.logFile, 1);
  const step = last === undefined ? "" : `: ${last.slice(0, 100)}`;
  return `${unit.definition.name} is starting, ${seconds} s${restarts}${step}`;
}

/** Stops a unit and forgets it and its logs, with or without a daemon; unknown names are fine. */
export async function removeUnit(root: string, name: string): Promise<void> {
  const store = new UnitStore(root);
  const client = await connectSupervisor(root);
  if (client) {
    await client.remove(name);
  } else {
    const unit = await findUnit(root, name);
    if (unit?.pid !== undefined && unit.state.process)
      await endProcess(unit.state.process, unit.definition.stop);
    store.remove(name);
  }
  removeLogs(store.layout.logFile(name));
}
