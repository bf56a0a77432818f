/** NocoBase 2.2.15's core, packages/core/server/src/app-supervisor: what keeps the apps of a process. */

export type NocoBaseStatus =
  "preparing" | "initializing" | "initialized" | "commanding" | "running" | "stopped" | "error" | "not_found";

/** Starts and stops apps. `getApp` asks its own `bootstrapApp` for an app that isn't there, and so does every request. */
export interface AppProcessAdapter {
  bootstrapApp(name: string, options?: unknown): Promise<void>;
  startApp(name: string, context?: unknown): Promise<void>;
  stopApp(name: string, context?: unknown): Promise<void>;
  hasApp(name: string): boolean;
}

export interface AppSupervisor {
  on(event: "appStatusChanged", listener: (change: { appName: string }) => void): void;
  on(event: "appError", listener: (failure: { appName: string; error?: Error }) => void): void;
  getAppStatus(name: string, otherwise: NocoBaseStatus): Promise<NocoBaseStatus>;
  readonly appErrors: Readonly<Record<string, Error | null | undefined>>;
  getProcessAdapter(): AppProcessAdapter;
  startApp(name: string): Promise<void>;
  stopApp(name: string): Promise<void>;
}
