import { setTimeout as sleep } from "node:timers/promises";
import type { Application, Logger } from "../../../../shared/contracts/core";
import type { EntryApplication } from "../contracts";
import { RegistryControl } from "../registry/control";
import type { SupervisorSettings } from "../settings";
import { AppAccess } from "./access";
import { defineActions } from "./actions";
import { collections } from "./collections";
import { Mirror } from "./mirror";

const RETRY_MS = 200;
const PACKAGE = "@nocobase-fleet/plugin-supervisor";

/** This process as (one of those of) the entry app: one for its life, whatever the app goes through. */
export class ControlPlane {
  private static only: ControlPlane | undefined;
  private readonly control: RegistryControl;
  private readonly access: AppAccess;
  private mirror: Mirror | undefined;
  private ended = false;

  /** Called at the end of the app's every `init()`. */
  static attach(app: Application, settings: SupervisorSettings): void {
    if (app.name !== "main" || process.argv[2] !== "start") return;
    ControlPlane.only ??= new ControlPlane(app, settings);
    ControlPlane.only.enableOnce(app as EntryApplication);
  }

  /** Undefined in a process that the launcher has not made the control plane. */
  static get current(): ControlPlane | undefined {
    return ControlPlane.only;
  }

  private constructor(
    private app: Application,
    settings: SupervisorSettings,
  ) {
    const logger = (): Logger => this.app.logger;
    this.control = new RegistryControl(settings.registry, {
      changed: () => {
        this.mirror?.look();
        this.access.look();
      },
      warn: (message) => logger().warn(message),
    });
    this.access = new AppAccess(this.control, (message) => logger().warn(message));
    this.control.start();
  }

  /** Called when the enabled plugin is loaded, and again when the app is. */
  load(app: EntryApplication, plugin: string): void {
    this.app = app;
    defineActions(app, plugin, () => this.control);
    const before = this.mirror;
    const mirror = new Mirror(app, this.control, (message) => app.logger.warn(message));
    this.mirror = mirror;
    on(app, "__started", async () => {
      await before?.stop();
      mirror.start();
    });
    on(app, "beforeStop", () => mirror.stop());
  }

  /** The plugin is enabled like any other, by the app itself: its page and collections come with that. */
  private enableOnce(app: EntryApplication): void {
    this.app = app;
    on(app, "__started", () => {
      // Not waited for: enabling reloads the app.
      this.enable(app).catch((error: unknown) => {
        app.logger.error(`the fleet's supervisor can't be enabled: ${String(error)}`);
      });
    });
    on(app, "afterDestroy", async () => {
      this.ended = true;
      await this.mirror?.stop();
      await this.access.stop();
      await this.control.stop();
    });
  }

  /** An app ignores commands while it is busy with one, as it is with its start: asked again until it isn't. */
  private async enable(app: EntryApplication): Promise<void> {
    while (!isEnabled(app) && !this.ended) {
      await app.runCommandThrowError("pm", "enable", PACKAGE);
      await sleep(RETRY_MS, undefined, { ref: false });
    }
  }
}

/** Whether the app knows the plugin and has it switched on. */
function isEnabled(app: EntryApplication): boolean {
  return app.pm.get(PACKAGE)?.enabled === true;
}

/** The core drops listeners with this mark when the app is initialised anew (server/src/application.ts). */
function on(app: Application, event: string, listener: () => unknown): void {
  app.on(event, Object.assign(listener, { _reinitializable: true }));
}

/** Defines the collections, which stay when the fleet has no control plane any more. */
export function defineCollections(app: EntryApplication): void {
  for (const collection of collections) app.db.collection(structuredClone(collection));
}
