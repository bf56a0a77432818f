/** What members and the entry app tell each other. */

/** `starting` is every state on the way to `running`; `failed` has an error. */
export type AppStatus = "running" | "starting" | "stopped" | "failed";
export type Action = "start" | "stop" | "restart";
export const ACTIONS: readonly Action[] = ["start", "stop", "restart"];

/** An app as the process that runs it sees it. */
export interface AppState {
  app: string;
  status: AppStatus;
  /** Stopped on purpose: no request wakes it. */
  held: boolean;
  /** The last error; null where there is none. */
  error: string | null;
}

/** A process of an environment or a dedicated app. */
export interface MemberInfo {
  release: string;
  /** Address at which other parts of the fleet reach it. */
  url: string;
  /** Resident memory, MiB. */
  memoryMiB: number;
}

/** A command that is not finished. */
export interface OpenCommand {
  id: string;
  app: string;
  action: Action;
}
