/** Looks at and steers the local platform's processes through their supervisor. */
import { setTimeout as sleep } from "node:timers/promises";
import { observeUnits, waitUntilHealthy, withSupervisor } from "../../providers/local/supervisor/client";
import type { UnitStatus } from "../../providers/local/supervisor/protocol";
import { describeExit } from "../../providers/local/supervisor/exits";
import type { LivePart, LiveState, LogOptions, Operations } from "../operations";
import { LogTail } from "./log-tail";

/** How long `start` waits for one process, milliseconds: a first start on a busy machine takes half a minute. */
const START_LIMIT_MS = 180_000;
const LOG_POLL_MS = 300;

/** {@link Operations} on the processes below `root`. */
export class LocalOperations implements Operations {
  constructor(private readonly root: string) {}

  async parts(): Promise<LivePart[]> {
    const parts = new Map<string, UnitStatus[]>();
    for (const unit of await this.units()) {
      const name = partOf(unit);
      parts.set(name, [...(parts.get(name) ?? []), unit]);
    }
    return [...parts].map(([name, units]) => livePart(name, units));
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
    const { follow, signal, replica } = options;
    const units = (await this.units([name])).sort((a, b) => byNumber.compare(unitName(a), unitName(b)));
    const shown = replica === undefined ? units : units.slice(replica - 1, replica);
    const tails = shown.map(
      (unit) => new LogTail(unit.logFile, shown.length > 1 ? `${unitName(unit)} | ` : ""),
    );
    for (const tail of tails) tail.last(options.lines, options.write);
    while (follow && !signal.aborted) {
      await sleep(LOG_POLL_MS);
      for (const tail of tails) tail.grown(options.write);
    }
  }

  /** In start order; all where no names of parts are given. */
  private async units(names: readonly string[] = []): Promise<UnitStatus[]> {
    const units = await observeUnits(this.root);
    return units
      .filter((unit) => names.length === 0 || names.includes(partOf(unit)))
      .sort((a, b) => a.definition.order - b.definition.order);
  }
}

/** Units of the same order start and stop side by side: servers, then NocoBase, then the gateway. */
function inSteps(units: readonly UnitStatus[]): UnitStatus[][] {
  const orders = [...new Set(units.map(({ definition }) => definition.order))].sort((a, b) => a - b);
  return orders.map((order) => units.filter(({ definition }) => definition.order === order));
}

const byNumber = new Intl.Collator("en", { numeric: true });

function unitName({ definition }: UnitStatus): string {
  return definition.name;
}

/** Name of the part that a unit is, alone or with its replicas. */
function partOf({ definition }: UnitStatus): string {
  return definition.service?.name ?? definition.name;
}

function livePart(name: string, units: readonly UnitStatus[]): LivePart {
  const kinds = {
    postgres: "server",
    gateway: "gateway",
    nocobase: "instance",
    process: "instance",
  } as const;
  const [first] = units;
  const states = units.map((unit) => liveState(unit));
  // The first that isn't as the others; what it says is what the operator wants to know.
  const odd = units.find((unit) => liveState(unit) !== "running") ?? first;
  const kind = kinds[first?.definition.kind ?? "process"];
  const memory = units.flatMap((unit) => unit.rssMiB ?? []);
  const restarted = units.filter(({ state }) => state.restarts > 0 && state.lastExit);
  const [latest] = restarted
    .flatMap(({ state, definition }) =>
      state.lastExit ? [{ exit: state.lastExit, limits: definition.limits }] : [],
    )
    .sort((a, b) => b.exit.at.localeCompare(a.exit.at));
  return {
    name,
    kind,
    state: odd ? liveState(odd) : "missing",
    ...(kind === "instance"
      ? {
          replicas: {
            ready: states.filter((state) => state === "running").length,
            wanted: units.filter(({ definition }) => definition.desired === "running").length,
          },
        }
      : {}),
    pid: first?.pid,
    restarts: units.reduce((sum, { state }) => sum + state.restarts, 0),
    lastExit: latest && describeExit(latest.exit, latest.limits),
    memoryMiB: memory.length > 0 ? memory.reduce((sum, each) => sum + each, 0) : undefined,
    startedAt: first?.state.startedAt,
    lastError:
      odd === undefined || odd.supervised || odd.pid === undefined
        ? odd?.state.lastError
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
