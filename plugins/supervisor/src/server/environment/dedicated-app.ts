import type { AppSupervisor } from "../../../../shared/contracts/app-supervisor";
import type { Application } from "../../../../shared/contracts/core";
import type { Action, AppState, MemberInfo } from "../registry/types";
import type { AppHost } from "./agent";
import { STATUSES } from "./hosted-apps";

const CHANNEL = "fleet-supervisor";
/** Held by the replica that restarts; a first start on a busy machine takes half a minute. */
const RESTART_LOCK = "fleet:restart";
const RESTART_LIMIT_MS = 5 * 60_000;

/** The one app of a process of its own, which may be one of several replicas. */
export class DedicatedApp implements AppHost {
  private error: string | null = null;

  /** @param name its name in the fleet @param main the app as it is now: it is made anew by a reload */
  constructor(
    private readonly name: string,
    private readonly supervisor: AppSupervisor,
    private readonly main: () => Application,
    readonly info: () => MemberInfo,
  ) {}

  /** Has `changed` called whenever the app's state changes. */
  follow(changed: () => void): void {
    this.supervisor.on("appStatusChanged", function fleetStatus() {
      changed();
    });
    const note = (error: Error | undefined): void => {
      this.error = error?.message ?? this.error;
      changed();
    };
    this.supervisor.on("appError", function fleetError({ error }) {
      note(error);
    });
  }

  /** Takes part in the restarts of all replicas. */
  wire(app: Application): void {
    void app.syncMessageManager.subscribe(CHANNEL, () => this.restart(app));
  }

  async states(): Promise<AppState[]> {
    const status = STATUSES[await this.supervisor.getAppStatus("main", "preparing")];
    if (status === "running") this.error = null;
    return [{ app: this.name, status, held: false, error: this.error }];
  }

  async execute(app: string, action: Action): Promise<void> {
    if (app !== this.name) throw new Error(`this is the process of "${this.name}", not of "${app}"`);
    if (action === "stop")
      throw new Error(
        `"${app}" is a process of its own: stop it with "fleet stop ${app}", or with state: stopped in the stack file`,
      );
    // Who carries this out runs.
    if (action === "start") return;
    const main = this.main();
    await main.syncMessageManager.publish(CHANNEL, { type: "restart" });
    await this.restart(main);
  }

  /** One replica after another, so that one always serves. */
  private async restart(app: Application): Promise<void> {
    await app.lockManager.runExclusive(
      RESTART_LOCK,
      () => app.runCommandThrowError("restart"),
      RESTART_LIMIT_MS,
    );
  }
}
