/** What the supervisor daemon keeps and tells, as JSON over HTTP on a unix socket in the stack's root. */
import type { ResourceLimits } from "../../../plan/types";
import type { ProcessIdentity } from "../support/processes";

/** Raised when a new daemon must take over from an old one; its units go on running meanwhile. */
export const SUPERVISOR_VERSION = 2;

export type HealthProbe =
  /**
   * Healthy at status 200. `fatalText` in the answer's body tells of a state that never heals by itself, a header
   * called `healsHeader` (lower case) of one that does: it is waited for without end.
   */
  | { kind: "http"; url: string; fatalText?: string; healsHeader?: string }
  | { kind: "tcp"; host: string; port: number }
  /** Healthy when a PostgreSQL server asks for a sign-in. */
  | { kind: "postgres"; host: string; port: number };

export interface HealthCheck {
  probe: HealthProbe;
  intervalMs: number;
  timeoutMs: number;
  /** After it was healthy once, failing for this many intervals without a break restarts the unit. */
  failures: number;
  /** Time a start may take until it is healthy; then it is restarted. */
  startTimeoutMs: number;
}

/** Where a unit takes requests that the gateway passes on. */
export interface UnitService {
  /** What its replicas have in common: the instance's name. */
  name: string;
  /** `http://127.0.0.1:21034` */
  url: string;
  /** Before it is stopped, requests under way may take this long to end, ms. */
  drainMs: number;
}

/** One supervised process. Holds no secrets: those are in the file at `envFile`. */
export interface UnitDefinition {
  /** Also the name of its log file. */
  name: string;
  kind: "postgres" | "nocobase" | "gateway" | "process";
  /** Started from low to high, stopped from high to low. */
  order: number;
  command: string;
  args: string[];
  cwd: string;
  /** JSON object of environment variables, mode 0600. */
  envFile?: string;
  /** OS user that runs it; the daemon's own where not given. */
  uid?: number;
  gid?: number;
  health?: HealthCheck;
  service?: UnitService;
  /** Enforced where this machine lets the supervisor; a change needs no new start. */
  limits?: ResourceLimits;
  /** `signal` goes to the process alone; after `graceMs` its whole group is killed. */
  stop: { signal: NodeJS.Signals; graceMs: number };
  /** What the stack declares. */
  desired: "running" | "stopped";
  /** Any text that changes whenever the process must be started anew, e.g. a hash of its environment. */
  revision: string;
  backoff?: Backoff;
}

/** Waiting times between restarts: doubled from `minMs` to `maxMs`; back to `minMs` after `stableMs` of running. */
export interface Backoff {
  minMs: number;
  maxMs: number;
  stableMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { minMs: 1000, maxMs: 60_000, stableMs: 60_000 };

/** A unit as persisted. */
export interface UnitRecord extends UnitDefinition {
  /** Stopped by the operator: stays down, even over a reboot, until started by hand or by `up`. */
  held: boolean;
}

/** `starting`: runs, not yet healthy · `waiting`: ended, restarts at `nextStartAt` · `unhealthy`: was healthy, now fails. */
export type UnitPhase = "stopped" | "starting" | "running" | "unhealthy" | "waiting" | "stopping";

/** How a process ended; both fields are null where it ended unseen. */
export interface ExitReport {
  code: number | null;
  signal: string | null;
  /** ISO time. */
  at: string;
  /** It was over its memory limit: the kernel's, or that of its heap. */
  outOfMemory?: boolean;
}

/** Live state; persisted so that the next daemon knows the processes of the last one. */
export interface UnitState {
  phase: UnitPhase;
  process?: ProcessIdentity;
  /** Revision the living process was started with. */
  revision?: string;
  /** Address it was started to take requests at. */
  url?: string;
  /** ISO time of the last start. */
  startedAt?: string;
  /** Restarts after crashes and failed health since the unit was last started on purpose. */
  restarts: number;
  lastExit?: ExitReport;
  lastError?: string;
  /** ISO time, in phase `waiting`. */
  nextStartAt?: string;
}

/** What {@link SupervisorClient.listUnits} gives. */
export interface UnitStatus {
  definition: UnitRecord;
  state: UnitState;
  pid?: number;
  /** Resident memory of the main process. */
  rssMiB?: number;
  logFile: string;
  /** False where the daemon is gone: the process lives, but nobody restarts it. */
  supervised: boolean;
}

export interface SupervisorInfo {
  version: number;
  pid: number;
  root: string;
  startedAt: string;
}
