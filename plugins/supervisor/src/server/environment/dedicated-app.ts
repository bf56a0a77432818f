import { setTimeout as sleep } from "node:timers/promises";
import type { AppSupervisor } from "../../../../shared/contracts/app-supervisor";
import type { Application } from "../../../../shared/contracts/core";
import type { Action, AppState, MemberInfo } from "../registry/types";
import type { AppHost } from "./agent";
import type { Holds } from "./holds";
import { STATUSES } from "./hosted-apps";
import type { InWork } from "./in-work";

const CHANNEL = "fleet-supervisor";
/** Held by the replica that restarts; a first start on a busy machine takes half a minute. */
const RESTART_LOCK = "fleet:restart";
const RESTART_LIMIT_MS = 5 * 60_000;
/** How often a replica looks whether the app was stopped or started by way of another one. */
const LOOK_EVERY_MS = 1000;
const POLL_MS = 50;
const SETTLE_LIMIT_MS = 200_000;
/** Requests under way may take this long when the app is stopped. */
const DRAIN_LIMIT_MS = 10_000;

/**
 * The one app of a process of its own, which may be one of several replicas. Stopped on purpose its NocoBase ends and
 * the process stays, to answer in its place and to hear of the start; the hold lies in the storage of all replicas.
 */
export class DedicatedApp implements AppHost {
  private error: string | null = null;
  private changing: Promise<void> = Promise.resolve();
  private started = false;

  /** @param name its name in the fleet @param main the app as it is now: it is made anew by a reload */
  constructor(
    private readonly name: string,
    private readonly supervisor: AppSupervisor,
    private readonly main: () => Application,
    private readonly holds: Holds,
    private readonly inWork: InWork,
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
    setInterval(() => {
      if (this.started && this.holds.reread()) void this.converge().catch(note);
    }, LOOK_EVERY_MS).unref();
  }

  /** Takes part in the restarts of all replicas. */
  wire(app: Application): void {
    void app.syncMessageManager.subscribe(CHANNEL, () => this.restart(app));
    // A process comes up as any NocoBase does; one that was stopped on purpose goes back to that.
    app.on(
      "__started",
      Object.assign(() => this.begin(), { _reinitializable: true }),
    );
  }

  async states(): Promise<AppState[]> {
    const status = STATUSES[await this.supervisor.getAppStatus("main", "preparing")];
    if (status === "running") this.error = null;
    const held = this.holds.has(this.name);
    return [
      { app: this.name, status: held && status === "failed" ? "stopped" : status, held, error: this.error },
    ];
  }

  async execute(app: string, action: Action): Promise<void> {
    if (app !== this.name) throw new Error(`this is the process of "${this.name}", not of "${app}"`);
    if (action === "stop") this.holds.hold(this.name);
    else {
      const wasHeld = this.holds.has(this.name);
      this.holds.release(this.name);
      if (action === "restart" && !wasHeld) return this.restartAll();
    }
    await this.converge();
  }

  private begin(): void {
    this.started = true;
    // Not waited for: the start that this is part of would wait for itself.
    if (this.holds.has(this.name))
      void this.converge().catch((error: unknown) => (this.error = String(error)));
  }

  /** Stops or starts this process's NocoBase as the hold says, one after the other. */
  private converge(): Promise<void> {
    const next = this.changing.then(() => this.change());
    this.changing = next.catch(() => undefined);
    return next;
  }

  private async change(): Promise<void> {
    const held = this.holds.has(this.name);
    const status = await this.settled();
    if (held && status === "running") {
      await this.inWork.ended(DRAIN_LIMIT_MS);
      await this.until("stop", async () => {
        await this.main().runCommandThrowError("stop");
        return (await this.settled()) !== "running";
      });
    } else if (!held && status !== "running") {
      const main = this.main();
      await main.reload();
      await this.until("start", async () => {
        await this.main().runCommandThrowError("start");
        return (await this.settled()) === "running";
      });
    }
  }

  /** An app ignores commands while it is busy with one: asked again until it has done it. */
  private async until(what: string, attempt: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + SETTLE_LIMIT_MS;
    while (!(await attempt())) {
      if (Date.now() > end) throw new Error(`NocoBase doesn't ${what} within ${SETTLE_LIMIT_MS / 1000} s`);
      await sleep(POLL_MS);
    }
  }

  /** Waits until NocoBase is through with what it does. */
  private async settled(): Promise<string> {
    const end = Date.now() + SETTLE_LIMIT_MS;
    for (;;) {
      const status = STATUSES[await this.supervisor.getAppStatus("main", "preparing")];
      if (status !== "starting") return status;
      if (Date.now() > end) throw new Error(`NocoBase is still starting after ${SETTLE_LIMIT_MS / 1000} s`);
      await sleep(POLL_MS);
    }
  }

  private async restartAll(): Promise<void> {
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
