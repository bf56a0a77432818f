import { messageOf } from "../support/files";
import { findByEnvironment, isAlive, residentMiB, type ProcessIdentity } from "../support/processes";
import { endProcess, spawnUnit } from "./child";
import { probe, type ProbeOutcome } from "./health";
import { rotateLog } from "./logs";
import {
  DEFAULT_BACKOFF,
  type ExitReport,
  type UnitRecord,
  type UnitState,
  type UnitStatus,
} from "./protocol";
import type { UnitStore } from "./store";

/** Probes come at least this often while a unit is not healthy. */
const STARTING_INTERVAL_MS = 500;
/** Consecutive fatal answers that restart a unit: one may be a glimpse of a passing state. */
const FATAL_ANSWERS = 3;

/**
 * One unit at work. Commands run one after the other; {@link tick} does what time brings: probes, restarts, noticing
 * that an adopted process is gone.
 */
export class Unit {
  private state: UnitState;
  private queue: Promise<unknown> = Promise.resolve();
  private commands = 0;
  private attempts = 0;
  /** Since when it has failed without a break, ms. */
  private failingSince: number | undefined;
  private fatalAnswers = 0;
  private healthySinceStart = false;
  private nextProbeAt = 0;
  private probing = false;
  /** An end that happened while a command was at work. */
  private unseenExit: { identity: ProcessIdentity; report: ExitReport } | undefined;
  /** False until its turn comes in the daemon's start order. */
  private released = false;

  constructor(
    private readonly store: UnitStore,
    private record: UnitRecord,
    private readonly onNote: (message: string) => void,
  ) {
    this.state = store.loadState(record.name);
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
      logFile: this.store.layout.logFile(this.record.name),
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
    this.healthySinceStart = this.state.phase === "running" || this.state.phase === "unhealthy";
    this.enter(this.healthySinceStart || !this.record.health ? "running" : "starting");
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
      this.store.save(record);
      if (!this.wanted) {
        await this.end();
        this.enter("stopped");
      } else if (!isAlive(this.state.process)) {
        await this.startAfresh();
      } else if (this.state.revision !== record.revision) {
        this.onNote("definition changed; restarting");
        await this.end();
        await this.startAfresh();
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
    rotateLog(this.store.layout.logFile(this.record.name));
  }

  /** In the environment of the unit's process: finds it where a daemon died between starting it and writing that down. */
  private get marker(): { name: string; value: string } {
    return { name: "NOCOBASE_FLEET_UNIT", value: `${this.store.root}:${this.record.name}` };
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
    this.store.save(this.record);
  }

  private enter(phase: UnitState["phase"], change: Partial<UnitState> = {}): void {
    this.state = { ...this.state, ...change, phase };
    if (phase !== "waiting") delete this.state.nextStartAt;
    this.store.saveState(this.record.name, this.state);
  }

  private async startAfresh(): Promise<void> {
    this.released = true;
    this.attempts = 0;
    this.state = { ...this.state, restarts: 0, lastError: undefined };
    await this.spawn();
  }

  private async spawn(): Promise<void> {
    if (isAlive(this.state.process) || !this.wanted) return;
    this.healthySinceStart = false;
    this.failingSince = undefined;
    this.fatalAnswers = 0;
    this.nextProbeAt = Date.now() + STARTING_INTERVAL_MS;
    this.rotateLog();
    try {
      const process = await spawnUnit(
        this.record,
        this.store.layout.logFile(this.record.name),
        this.marker,
        (identity, report) => this.onExit(identity, report),
      );
      this.enter(this.record.health ? "starting" : "running", {
        process,
        revision: this.record.revision,
        startedAt: new Date().toISOString(),
      });
      this.onNote(`started as process ${process.pid}`);
    } catch (error) {
      this.scheduleRestart(`cannot be started: ${messageOf(error)}`);
    }
  }

  private async end(): Promise<void> {
    const { process } = this.state;
    if (!process) return;
    if (isAlive(process)) {
      this.enter("stopping");
      if (await endProcess(process, this.record.stop)) {
        this.onNote(
          `killed: it did not end within ${this.record.stop.graceMs} ms of ${this.record.stop.signal}`,
        );
      }
    }
    this.state.process = undefined;
    this.state.lastExit = this.reportOf(process) ?? this.state.lastExit;
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
    const lastExit = report ?? { code: null, signal: null, at: new Date().toISOString() };
    const ranMs = Date.now() - Date.parse(this.state.startedAt ?? "");
    const { stableMs } = this.record.backoff ?? DEFAULT_BACKOFF;
    if (ranMs >= stableMs && (this.healthySinceStart || !this.record.health)) this.attempts = 0;
    this.state = { ...this.state, process: undefined, lastExit };
    if (!this.wanted) {
      this.enter("stopped");
      return;
    }
    const how = lastExit.signal ? `by ${lastExit.signal}` : `with code ${lastExit.code ?? "unknown"}`;
    this.scheduleRestart(`ended by itself ${how}`);
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
    if (!health || this.probing) return;
    const sinceStart = Date.now() - Date.parse(this.state.startedAt ?? "");
    if (!this.healthySinceStart && sinceStart > health.startTimeoutMs) {
      this.fail(`not healthy within ${Math.round(health.startTimeoutMs / 1000)} s of its start`);
      return;
    }
    if (Date.now() < this.nextProbeAt) return;
    this.probing = true;
    void probe(health.probe, health.timeoutMs).then((outcome) => {
      this.probing = false;
      const { intervalMs } = health;
      this.nextProbeAt =
        Date.now() + (outcome.healthy ? intervalMs : Math.min(intervalMs, STARTING_INTERVAL_MS));
      if (this.commands === 0 && this.state.process === process)
        this.judge(outcome, health.failures * intervalMs);
    });
  }

  private judge(outcome: ProbeOutcome, toleratedMs: number): void {
    if (outcome.healthy) {
      this.failingSince = undefined;
      this.fatalAnswers = 0;
      this.healthySinceStart = true;
      if (this.state.phase !== "running") this.enter("running", { lastError: undefined });
      return;
    }
    this.fatalAnswers = outcome.fatal ? this.fatalAnswers + 1 : 0;
    const phase = this.healthySinceStart ? "unhealthy" : "starting";
    if (this.state.phase !== phase || this.state.lastError !== outcome.detail) {
      this.enter(phase, { lastError: outcome.detail });
    }
    this.failingSince ??= Date.now();
    const failingMs = Date.now() - this.failingSince;
    if (this.fatalAnswers >= FATAL_ANSWERS) this.fail(`says of itself that it failed: ${outcome.detail}`);
    else if (this.healthySinceStart && failingMs >= toleratedMs) {
      this.fail(`failed its health checks for ${Math.round(failingMs / 1000)} s: ${outcome.detail}`);
    }
  }

  private fail(reason: string): void {
    void this.command(async () => {
      await this.end();
      if (this.wanted) this.scheduleRestart(reason);
      else this.enter("stopped");
    }).catch((error: unknown) => this.onNote(messageOf(error)));
  }
}
