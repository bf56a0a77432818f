import { drain } from "../gateway/control";
import { messageOf } from "../support/files";
import { findByEnvironment, isAlive, residentMiB, type ProcessIdentity } from "../support/processes";
import type { Cgroups } from "./cgroups";
import { endProcess, spawnUnit } from "./child";
import type { Endpoint } from "./endpoints";
import { describeExit, ranOutOfHeap } from "./exits";
import { HealthWatch, type Verdict } from "./health-watch";
import { rotateLog } from "./logs";
import {
  DEFAULT_BACKOFF,
  type ExitReport,
  type UnitRecord,
  type UnitState,
  type UnitStatus,
} from "./protocol";
import type { UnitStore } from "./store";

export interface UnitSurroundings {
  readonly store: UnitStore;
  readonly cgroups: Cgroups;
  /** Called with the service's name after each change of a unit's {@link Unit.endpoint}. */
  endpointChanged(service: string): void;
}

/**
 * One unit at work. Commands run one after the other; {@link tick} does what time brings: probes, restarts, noticing
 * that an adopted process is gone.
 */
export class Unit {
  private state: UnitState;
  private queue: Promise<unknown> = Promise.resolve();
  private commands = 0;
  private attempts = 0;
  private readonly health = new HealthWatch();
  /** An end that happened while a command was at work. */
  private unseenExit: { identity: ProcessIdentity; report: ExitReport } | undefined;
  /** False until its turn comes in the daemon's start order. */
  private released = false;
  /** For want of memory, before the living process was started. */
  private killsBefore = 0;

  constructor(
    private record: UnitRecord,
    private readonly surroundings: UnitSurroundings,
    private readonly onNote: (message: string) => void,
  ) {
    this.state = surroundings.store.loadState(record.name);
  }

  get definition(): UnitRecord {
    return this.record;
  }

  get phase(): UnitState["phase"] {
    return this.state.phase;
  }

  /** True where the process should live. */
  get wanted(): boolean {
    return this.record.desired === "running" && !this.record.held;
  }

  /** Whether {@link tick} is due more often than once a second. */
  get restless(): boolean {
    return this.state.phase !== "running" && this.state.phase !== "stopped";
  }

  /** Where it takes requests; undefined where it does so nowhere, or has no process. */
  get endpoint(): Endpoint | undefined {
    const { service, name } = this.record;
    const { process, phase } = this.state;
    if (!service || !process) return undefined;
    // A definition may have moved on while its process is still at the old address.
    const url = this.state.url ?? service.url;
    return { name, url, ready: phase === "running", terminating: phase === "stopping" };
  }

  status(): UnitStatus {
    const pid = isAlive(this.state.process) ? this.state.process?.pid : undefined;
    const { phase } = this.state;
    // Dead, and not noticed yet.
    const ended = pid === undefined && phase !== "stopped" && phase !== "stopping";
    return {
      definition: this.record,
      state: ended ? { ...this.state, phase: "waiting" } : this.state,
      pid,
      rssMiB: pid === undefined ? undefined : residentMiB(pid),
      logFile: this.surroundings.store.layout.logFile(this.record.name),
      supervised: true,
    };
  }

  /** Takes over a process that an earlier daemon started, by its recorded identity or its marked environment. */
  adopt(): void {
    if (!isAlive(this.state.process)) {
      this.state.process = findByEnvironment(`${this.marker.name}=${this.marker.value}`);
      if (!this.state.process) {
        this.enter("stopped");
        return;
      }
      this.state.startedAt ??= new Date().toISOString();
    }
    this.released = true;
    const healthy = this.state.phase === "running" || this.state.phase === "unhealthy";
    if (healthy) this.health.confirm();
    this.enter(healthy || !this.record.health ? "running" : "starting");
    this.onNote(`adopted process ${this.state.process?.pid ?? 0}`);
  }

  /** Lets {@link tick} start it. */
  release(): void {
    this.released = true;
  }

  /** Takes a new definition: starts, stops or, where the revision differs, restarts the process. */
  put(record: UnitRecord): Promise<void> {
    return this.command(async () => {
      this.record = record;
      this.surroundings.store.save(record);
      if (!this.wanted) {
        await this.end();
        this.enter("stopped");
      } else if (!isAlive(this.state.process)) {
        await this.startAfresh();
      } else if (this.state.revision !== record.revision) {
        this.onNote("definition changed; restarting");
        await this.end();
        await this.startAfresh();
      } else {
        this.limit(this.state.process);
        this.tellEndpoint();
      }
    });
  }

  /** Starts it if it does not run, and lifts an operator's stop. Throws where the stack declares it stopped. */
  start(): Promise<void> {
    return this.command(async () => {
      if (this.record.desired === "stopped") {
        throw new Error(
          `${this.record.name} is declared stopped; set its state to running in the stack file`,
        );
      }
      this.hold(false);
      if (!isAlive(this.state.process)) await this.startAfresh();
    });
  }

  /** Ends the process. With `hold` it stays down until {@link start} or {@link put}. */
  stop(hold: boolean): Promise<void> {
    return this.command(async () => {
      if (hold) this.hold(true);
      await this.end();
      this.enter("stopped");
    });
  }

  restart(): Promise<void> {
    return this.command(async () => {
      if (this.record.desired === "stopped") {
        throw new Error(
          `${this.record.name} is declared stopped; set its state to running in the stack file`,
        );
      }
      this.hold(false);
      await this.end();
      await this.startAfresh();
    });
  }

  /** What time brings; call it every second or more often. */
  tick(): void {
    if (this.commands > 0) return;
    const { process } = this.state;
    if (process && !isAlive(process)) this.onGone(process, this.reportOf(process));
    if (this.state.process) {
      this.watchHealth(this.state.process);
      return;
    }
    const due = this.state.phase !== "waiting" || Date.now() >= Date.parse(this.state.nextStartAt ?? "");
    if (this.wanted && this.released && due) void this.command(() => this.spawn()).catch(() => undefined);
  }

  rotateLog(): void {
    rotateLog(this.surroundings.store.layout.logFile(this.record.name));
  }

  /** In the environment of the unit's process: finds it where a daemon died between starting it and writing that down. */
  private get marker(): { name: string; value: string } {
    return { name: "NOCOBASE_FLEET_UNIT", value: `${this.surroundings.store.root}:${this.record.name}` };
  }

  private command<T>(work: () => Promise<T>): Promise<T> {
    this.commands += 1;
    const result = this.queue.then(work).finally(() => {
      this.commands -= 1;
    });
    this.queue = result.catch(() => undefined);
    return result;
  }

  private hold(held: boolean): void {
    if (this.record.held === held) return;
    this.record = { ...this.record, held };
    this.surroundings.store.save(this.record);
  }

  private enter(phase: UnitState["phase"], change: Partial<UnitState> = {}): void {
    this.state = { ...this.state, ...change, phase };
    if (phase !== "waiting") delete this.state.nextStartAt;
    this.surroundings.store.saveState(this.record.name, this.state);
    this.tellEndpoint();
  }

  private tellEndpoint(): void {
    const { service } = this.record;
    if (service) this.surroundings.endpointChanged(service.name);
  }

  private limit(process: ProcessIdentity | undefined): void {
    if (process) this.surroundings.cgroups.apply(this.record.name, process.pid, this.record.limits ?? {});
  }

  private async startAfresh(): Promise<void> {
    this.released = true;
    this.attempts = 0;
    this.state = { ...this.state, restarts: 0, lastError: undefined };
    await this.spawn();
  }

  private async spawn(): Promise<void> {
    if (isAlive(this.state.process) || !this.wanted) return;
    this.health.begin();
    this.rotateLog();
    try {
      const process = await spawnUnit(
        this.record,
        this.surroundings.store.layout.logFile(this.record.name),
        this.marker,
        (identity, report) => this.onExit(identity, report),
      );
      this.killsBefore = this.surroundings.cgroups.outOfMemoryKills(this.record.name);
      this.limit(process);
      this.enter(this.record.health ? "starting" : "running", {
        process,
        revision: this.record.revision,
        url: this.record.service?.url,
        startedAt: new Date().toISOString(),
      });
      this.onNote(`started as process ${process.pid}`);
    } catch (error) {
      this.scheduleRestart(`cannot be started: ${messageOf(error)}`);
    }
  }

  private async end({ letGo } = { letGo: true }): Promise<void> {
    const { process } = this.state;
    if (!process) return;
    if (isAlive(process)) {
      const serves = this.state.phase === "running" || this.state.phase === "unhealthy";
      this.enter("stopping");
      if (serves && letGo) await this.letGo();
      if (await endProcess(process, this.record.stop)) {
        this.onNote(
          `killed: it did not end within ${this.record.stop.graceMs} ms of ${this.record.stop.signal}`,
        );
      }
    }
    await this.surroundings.cgroups.remove(this.record.name);
    this.state.process = undefined;
    this.state.lastExit = this.reportOf(process) ?? this.state.lastExit;
  }

  /** No request may be under way when it is stopped. One that isn't ready gets none. */
  private async letGo(): Promise<void> {
    const { service } = this.record;
    if (!service || !this.endpoint) return;
    const asked = { service: service.name, url: this.endpoint.url, limitMs: service.drainMs };
    await drain(this.surroundings.store.root, asked).catch((error: unknown) =>
      this.onNote(`stopped without waiting for its requests: ${messageOf(error)}`),
    );
  }

  private onExit(process: ProcessIdentity, report: ExitReport): void {
    this.unseenExit = { identity: process, report };
    // While a command ends or starts the process it takes the state on itself.
    if (this.commands === 0 && this.state.process === process) this.onGone(process, report);
    else if (!this.state.process) this.state.lastExit = report;
  }

  private reportOf(process: ProcessIdentity): ExitReport | undefined {
    return this.unseenExit?.identity === process ? this.unseenExit.report : undefined;
  }

  private onGone(process: ProcessIdentity, report: ExitReport | undefined): void {
    if (this.state.process !== process) return;
    const lastExit = this.explain(report ?? { code: null, signal: null, at: new Date().toISOString() });
    const ranMs = Date.now() - Date.parse(this.state.startedAt ?? "");
    const { stableMs } = this.record.backoff ?? DEFAULT_BACKOFF;
    if (ranMs >= stableMs && (this.health.healthySinceStart || !this.record.health)) this.attempts = 0;
    this.state = { ...this.state, process: undefined, lastExit };
    if (this.wanted) this.scheduleRestart(describeExit(lastExit, this.record.limits));
    else this.enter("stopped");
  }

  private explain(report: ExitReport): ExitReport {
    const { name } = this.record;
    const killed = this.surroundings.cgroups.outOfMemoryKills(name) > this.killsBefore;
    const outOfMemory = killed || ranOutOfHeap(report, this.surroundings.store.layout.logFile(name));
    return outOfMemory ? { ...report, outOfMemory } : report;
  }

  private scheduleRestart(reason: string): void {
    const { minMs, maxMs } = this.record.backoff ?? DEFAULT_BACKOFF;
    const delay = Math.min(maxMs, minMs * 2 ** this.attempts);
    this.attempts = Math.min(this.attempts + 1, 30);
    this.onNote(`${reason}; restarting in ${delay / 1000} s`);
    this.enter("waiting", {
      lastError: reason,
      restarts: this.state.restarts + 1,
      nextStartAt: new Date(Date.now() + delay).toISOString(),
    });
  }

  private watchHealth(process: ProcessIdentity): void {
    const { health } = this.record;
    if (!health) return;
    const ranMs = Date.now() - Date.parse(this.state.startedAt ?? "");
    void this.health.look(health, ranMs).then((verdict) => {
      if (verdict && this.commands === 0 && this.state.process === process) this.judge(verdict);
    });
  }

  private judge(verdict: Verdict): void {
    if (verdict.healthy) {
      this.health.confirm();
      if (this.state.phase !== "running") this.enter("running", { lastError: undefined });
      return;
    }
    const phase = this.health.healthySinceStart ? "unhealthy" : "starting";
    if (this.state.phase !== phase || this.state.lastError !== verdict.detail) {
      this.enter(phase, { lastError: verdict.detail });
    }
    if (verdict.restart !== undefined) this.fail(verdict.restart);
  }

  private fail(reason: string): void {
    void this.command(async () => {
      // What still waits for an answer of its waits in vain.
      await this.end({ letGo: false });
      if (this.wanted) this.scheduleRestart(reason);
      else this.enter("stopped");
    }).catch((error: unknown) => this.onNote(messageOf(error)));
  }
}
