/** What the `fleet` command does with a running fleet, past Pulumi: look, start, stop, read logs. */

/** `unhealthy` runs but doesn't answer; `held` was stopped by an operator; `missing` was never made or is gone. */
export type LiveState = "running" | "starting" | "unhealthy" | "stopped" | "held" | "failed" | "missing";

/** One process, container or workload of the fleet. */
export interface LivePart {
  /** Instance name of the plan (`entry`, `env-blue`, `app-erp`), or the gateway's or server's name. */
  readonly name: string;
  readonly kind: "server" | "gateway" | "instance";
  readonly state: LiveState;
  readonly pid?: number;
  readonly restarts: number;
  readonly memoryMiB?: number;
  /** ISO 8601. */
  readonly startedAt?: string;
  readonly lastError?: string;
}

export interface Operations {
  parts(): Promise<LivePart[]>;
  /** Starts what should run and isn't running; all parts, or the named ones. */
  start(names: readonly string[], say: (line: string) => void): Promise<void>;
  /** Stops parts until the next `start` or `up`; nothing is removed. */
  stop(names: readonly string[], say: (line: string) => void): Promise<void>;
  /** Writes the last `lines` of a part's log, then follows it until `signal` aborts where `follow` is set. */
  logs(name: string, options: LogOptions): Promise<void>;
}

export interface LogOptions {
  lines: number;
  follow: boolean;
  signal: AbortSignal;
  write(text: string): void;
}
