/** Looks at and steers the local platform's processes through their supervisor. */
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { observeUnits, waitUntilHealthy, withSupervisor } from "../../providers/local/supervisor/client";
import type { UnitStatus } from "../../providers/local/supervisor/protocol";
import { tailOf } from "../../providers/local/support/files";
import type { LivePart, LiveState, LogOptions, Operations } from "../operations";

/** How long `start` waits for one process, milliseconds: a first start on a busy machine takes half a minute. */
const START_LIMIT_MS = 180_000;
const LOG_POLL_MS = 300;

/** {@link Operations} on the processes below `root`. */
export class LocalOperations implements Operations {
  constructor(private readonly root: string) {}

  async parts(): Promise<LivePart[]> {
    return (await this.units()).map(livePart);
  }

  async start(names: readonly string[], say: (line: string) => void): Promise<void> {
    const wanted = (await this.units(names)).filter((unit) => unit.definition.desired === "running");
    for (const step of inSteps(wanted)) {
      await Promise.all(
        step.map(async ({ definition: { name } }) => {
          await withSupervisor(this.root, (supervisor) => supervisor.start(name));
          await waitUntilHealthy(this.root, name, { timeoutMs: START_LIMIT_MS });
          say(`started ${name}`);
        }),
      );
    }
  }

  async stop(names: readonly string[], say: (line: string) => void): Promise<void> {
    for (const step of inSteps(await this.units(names)).reverse()) {
      await Promise.all(
        step.map(async ({ definition: { name } }) => {
          await withSupervisor(this.root, (supervisor) => supervisor.stop(name, { hold: true }));
          say(`stopped ${name}`);
        }),
      );
    }
  }

  async logs(name: string, options: LogOptions): Promise<void> {
    const { lines, follow, signal } = options;
    const [unit] = await this.units([name]);
    if (!unit) return;
    const { logFile } = unit;
    let offset = sizeOf(logFile);
    for (const line of lines > 0 ? tailOf(logFile, lines) : []) options.write(`${line}\n`);
    while (follow && !signal.aborted) {
      await sleep(LOG_POLL_MS);
      const size = sizeOf(logFile);
      // The supervisor truncates a log when it rotates it.
      if (size < offset) offset = 0;
      if (size > offset) options.write(readFrom(logFile, offset, size));
      offset = size;
    }
  }

  /** In start order; all where no names are given. */
  private async units(names: readonly string[] = []): Promise<UnitStatus[]> {
    const units = await observeUnits(this.root);
    return units
      .filter((unit) => names.length === 0 || names.includes(unit.definition.name))
      .sort((a, b) => a.definition.order - b.definition.order);
  }
}

/** Units of the same order start and stop side by side: servers, then NocoBase, then the gateway. */
function inSteps(units: readonly UnitStatus[]): UnitStatus[][] {
  const orders = [...new Set(units.map(({ definition }) => definition.order))].sort((a, b) => a - b);
  return orders.map((order) => units.filter(({ definition }) => definition.order === order));
}

function livePart(unit: UnitStatus): LivePart {
  const { definition, state, pid, rssMiB } = unit;
  const kinds = {
    postgres: "server",
    gateway: "gateway",
    nocobase: "instance",
    process: "instance",
  } as const;
  return {
    name: definition.name,
    kind: kinds[definition.kind],
    state: liveState(unit),
    pid,
    restarts: state.restarts,
    memoryMiB: rssMiB,
    startedAt: state.startedAt,
    lastError:
      unit.supervised || pid === undefined
        ? state.lastError
        : "runs, but its supervisor is gone; run: fleet start",
  };
}

function liveState({ definition, state }: UnitStatus): LiveState {
  if (definition.held) return "held";
  if (definition.desired === "stopped" && state.phase === "stopped") return "stopped";
  const states = {
    running: "running",
    starting: "starting",
    unhealthy: "unhealthy",
    waiting: "failed",
    stopping: "stopped",
    stopped: "stopped",
  } as const;
  return states[state.phase];
}

function sizeOf(file: string): number {
  return fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function readFrom(file: string, start: number, end: number): string {
  const handle = fs.openSync(file, "r");
  try {
    const buffer = Buffer.alloc(end - start);
    fs.readSync(handle, buffer, 0, buffer.length, start);
    return buffer.toString("utf8");
  } finally {
    fs.closeSync(handle);
  }
}
