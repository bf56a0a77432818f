import { setTimeout as sleep } from "node:timers/promises";
import type { AppSupervisor, NocoBaseStatus } from "../../../../shared/contracts/app-supervisor";
import type { Application } from "../../../../shared/contracts/core";
import type { Action, AppState, AppStatus, MemberInfo } from "../registry/types";
import type { AppHost } from "./agent";
import type { Holds } from "./holds";

const POLL_MS = 50;
/** NocoBase's ten attempts to reach a database end after 151 s; a first start on a busy machine takes half a minute. */
const SETTLE_LIMIT_MS = 200_000;

/** What NocoBase's states mean to the fleet. */
export const STATUSES: Readonly<Record<NocoBaseStatus, AppStatus>> = {
  running: "running",
  preparing: "starting",
  initializing: "starting",
  commanding: "starting",
  // Registered, and waiting for its first visit.
  initialized: "stopped",
  stopped: "stopped",
  not_found: "stopped",
  error: "failed",
};

/** The apps that the multi-app manager runs in this process. */
export class HostedApps implements AppHost {
  /** The last error of each app, until it runs again. */
  private readonly errors = new Map<string, string>();
  private changed = (): void => undefined;

  /** @param main the environment's main app as it is now: it is made anew by a reload */
  constructor(
    private readonly supervisor: AppSupervisor,
    private readonly main: () => Application,
    private readonly holds: Holds,
    readonly info: () => MemberInfo,
  ) {}

  /** Notices apps that are registered and removed. */
  wire(app: Application): void {
    for (const event of ["applications.afterCreate", "applications.afterDestroy"])
      app.db.on(event, () => this.changed());
  }

  /** Has `changed` called whenever an app's state changes, and keeps requests from waking what was stopped on purpose. */
  follow(changed: () => void): void {
    const { supervisor, holds } = this;
    this.changed = changed;
    supervisor.on("appStatusChanged", function fleetStatus() {
      changed();
    });
    const note = (app: string, error: Error | undefined): void => {
      if (error) this.errors.set(app, error.message);
      changed();
    };
    supervisor.on("appError", function fleetError({ appName, error }) {
      note(appName, error);
    });
    const adapter = supervisor.getProcessAdapter();
    const bootstrap = adapter.bootstrapApp.bind(adapter);
    adapter.bootstrapApp = async (name, options) => {
      if (!holds.has(name) || adapter.hasApp(name)) await bootstrap(name, options);
    };
    const start = adapter.startApp.bind(adapter);
    adapter.startApp = async (name, context) => {
      holds.release(name);
      await start(name, context);
    };
    const stop = adapter.stopApp.bind(adapter);
    adapter.stopApp = async (name, context) => {
      if (name !== "main") holds.hold(name);
      await stop(name, context);
    };
  }

  async states(): Promise<AppState[] | null> {
    if (!(await this.isUp())) return null;
    return Promise.all(
      (await this.names()).map(async (app) => {
        const status = STATUSES[await this.status(app)];
        if (status === "running") this.errors.delete(app);
        const failure = status === "failed" ? this.supervisor.appErrors[app]?.message : undefined;
        return { app, status, held: this.holds.has(app), error: failure ?? this.errors.get(app) ?? null };
      }),
    );
  }

  async execute(app: string, action: Action): Promise<void> {
    const end = Date.now() + SETTLE_LIMIT_MS;
    while (!(await this.isUp())) {
      if (Date.now() > end) throw new Error("its environment's own NocoBase doesn't get up");
      await sleep(POLL_MS);
    }
    if (!(await this.names()).includes(app))
      throw new Error(`no app "${app}" is registered in this environment`);
    if (action !== "start") await this.stop(app);
    if (action !== "stop") await this.start(app);
  }

  private async start(app: string): Promise<void> {
    const before = await this.settled(app);
    if (before === "running") return;
    // It would go on with the old connection otherwise.
    if (before === "error") await this.supervisor.stopApp(app);
    await this.supervisor.startApp(app);
    const after = await this.settled(app);
    if (after === "running") return;
    throw new Error(
      this.supervisor.appErrors[app]?.message ?? this.errors.get(app) ?? `NocoBase says ${after}`,
    );
  }

  private async stop(app: string): Promise<void> {
    await this.settled(app);
    await this.supervisor.stopApp(app);
    await this.settled(app);
  }

  /** Whether the environment itself has started: it doesn't know its apps before. */
  private async isUp(): Promise<boolean> {
    return (await this.status("main")) === "running";
  }

  /** Waits until NocoBase is through with what it does: a stop or start asked for meanwhile gets lost. */
  private async settled(app: string): Promise<NocoBaseStatus> {
    const end = Date.now() + SETTLE_LIMIT_MS;
    for (;;) {
      const status = await this.status(app);
      if (STATUSES[status] !== "starting") return status;
      if (Date.now() > end)
        throw new Error(`NocoBase still says ${status} after ${SETTLE_LIMIT_MS / 1000} s`);
      await sleep(POLL_MS);
    }
  }

  private async status(app: string): Promise<NocoBaseStatus> {
    return this.supervisor.getAppStatus(app, "stopped");
  }

  /** Those registered; none before the multi-app manager is switched on. */
  private async names(): Promise<string[]> {
    const repository = this.main().db.getRepository("applications") as
      { find(options: unknown): Promise<Record<string, unknown>[]> } | undefined;
    const rows = (await repository?.find({ fields: ["name"] })) ?? [];
    return rows.map(({ name }) => String(name));
  }
}
