/** What the `fleet` command does with a running fleet, past Pulumi: look, start, stop, read logs. */

/** `unhealthy` runs but doesn't answer; `held` was stopped by an operator; `missing` was never made or is gone. */
export type LiveState = "running" | "starting" | "unhealthy" | "stopped" | "held" | "failed" | "missing";

/** One server, gateway or instance of the fleet, with all its replicas. */
export interface LivePart {
  /** Instance name of the plan (`entry`, `env-blue`, `app-erp`), or the gateway's or server's name. */
  readonly name: string;
  readonly kind: "server" | "gateway" | "instance";
  /** Of an instance with several replicas: `running` where all of them do. */
  readonly state: LiveState;
  /** Replicas that take requests, and how many there are to be; instances only. */
  readonly replicas?: { readonly ready: number; readonly wanted: number };
  /** Of the first replica. */
  readonly pid?: number;
  /** Since it was last started on purpose, of all replicas. */
  readonly restarts: number;
  /** Why the last restart was, where there was one. */
  readonly lastExit?: string;
  readonly memoryMiB?: number;
  /** ISO 8601. */
  readonly startedAt?: string;
  readonly lastError?: string;
}

export interface Operations {
  parts(): Promise<LivePart[]>;
  /**
   * Address that this machine reaches an instance at, by the instance's name; only where that isn't the one its stack
   * says.
   */
  addressOf?(instance: string): Promise<string>;
  /** What was changed behind the engine's back and an unchanged plan would not notice; only where that may be. */
  drift?(resources: readonly { urn: string; type: string; id?: string }[]): Promise<Drift>;
  /** Starts what should run and isn't running; all parts, or the named ones. */
  start(names: readonly string[], say: (line: string) => void): Promise<void>;
  /** Stops parts until the next `start` or `up`; nothing is removed. */
  stop(names: readonly string[], say: (line: string) => void): Promise<void>;
  /** Writes the last `lines` of a part's log, then follows it until `signal` aborts where `follow` is set. */
  logs(name: string, options: LogOptions): Promise<void>;
}

export interface Drift {
  /** URNs of resources that are gone. */
  readonly lost: string[];
  /** Names of parts that were stopped. */
  readonly stopped: string[];
}

export interface LogOptions {
  lines: number;
  follow: boolean;
  /** Number of the replica, from 1; all where it is left out, each line with its replica's name. */
  replica?: number;
  signal: AbortSignal;
  readonly write: (text: string) => void;
}
