import { probe, type ProbeOutcome } from "./health";
import type { HealthCheck } from "./protocol";

/** Probes come at least this often while a unit is not healthy. */
const STARTING_INTERVAL_MS = 500;
/** Consecutive fatal answers that restart a unit: one may be a glimpse of a passing state. */
const FATAL_ANSWERS = 3;

/** What a probe says of a process. `restart` gives the reason to start it anew, where there is one. */
export type Verdict =
  | { readonly healthy: true }
  | { readonly healthy: false; readonly detail: string; readonly restart?: string };

/** Probes one process when it is time to, and judges the answers by those before. */
export class HealthWatch {
  /** Whether the process was healthy once. */
  healthySinceStart = false;
  /** Since when it has failed without a break, ms. */
  private failingSince: number | undefined;
  private fatalAnswers = 0;
  private nextProbeAt = 0;
  private probing = false;

  /** Begins anew, for a process that was just started. */
  begin(): void {
    this.healthySinceStart = false;
    this.failingSince = undefined;
    this.fatalAnswers = 0;
    this.nextProbeAt = Date.now() + STARTING_INTERVAL_MS;
  }

  /** Probes if it is due; undefined where it is not. `ranMs`: time since the process was started. */
  async look(health: HealthCheck, ranMs: number): Promise<Verdict | undefined> {
    if (this.probing) return undefined;
    if (!this.healthySinceStart && ranMs > health.startTimeoutMs) {
      const restart = `not healthy within ${Math.round(health.startTimeoutMs / 1000)} s of its start`;
      return { healthy: false, detail: restart, restart };
    }
    if (Date.now() < this.nextProbeAt) return undefined;
    this.probing = true;
    const outcome = await probe(health.probe, health.timeoutMs);
    this.probing = false;
    const { healthy, detail } = outcome;
    const { intervalMs } = health;
    this.nextProbeAt = Date.now() + (healthy ? intervalMs : Math.min(intervalMs, STARTING_INTERVAL_MS));
    return healthy ? { healthy } : { healthy, detail, restart: this.failing(health, outcome) };
  }

  /** Takes over that the process is healthy. */
  confirm(): void {
    this.failingSince = undefined;
    this.fatalAnswers = 0;
    this.healthySinceStart = true;
  }

  private failing(health: HealthCheck, { detail, outlook }: ProbeOutcome): string | undefined {
    this.fatalAnswers = outlook === "fatal" ? this.fatalAnswers + 1 : 0;
    // A process without its database would wait for it just as long after a restart.
    if (outlook === "heals") this.failingSince = undefined;
    else this.failingSince ??= Date.now();
    if (this.failingSince === undefined) return undefined;
    const failingMs = Date.now() - this.failingSince;
    if (this.fatalAnswers >= FATAL_ANSWERS) return `says of itself that it failed: ${detail}`;
    if (!this.healthySinceStart || failingMs < health.failures * health.intervalMs) return undefined;
    return `failed its health checks for ${Math.round(failingMs / 1000)} s: ${detail}`;
  }
}
