import { AppSupervisor, Gateway } from "@nocobase/server";
import type { Application, Logger } from "../../../../shared/contracts/core";
import type { SupervisorSettings } from "../settings";
import { Agent } from "./agent";
import { Holds } from "./holds";
import { HostedApps } from "./hosted-apps";
import { processInfo } from "./process-info";
import { answerStopped } from "./stopped-page";

/** This process as a runtime environment of the fleet: one for its life, whatever its main app goes through. */
export class Environment {
  private static only: Environment | undefined;
  private app: Application;
  private readonly agent: Agent;

  /** Called at the end of the app's every `init()`. */
  static attach(app: Application, settings: SupervisorSettings): void {
    if (app.name !== "main" || process.argv[2] !== "start") return;
    Environment.only ??= new Environment(app, settings);
    Environment.only.wire(app);
  }

  private constructor(app: Application, settings: SupervisorSettings) {
    this.app = app;
    const logger = (): Logger => this.app.logger;
    const holds = new Holds(process.env.STORAGE_PATH ?? "storage", () => this.agent.changed());
    const apps = new HostedApps(
      AppSupervisor.getInstance(),
      () => this.app,
      holds,
      () => processInfo(this.app, settings.url),
    );
    this.agent = new Agent(settings.registry, settings.replica, apps, (message) => logger().warn(message));
    apps.follow(() => this.agent.changed());
    Gateway.registerRequestHandler(async (request, response) => {
      if (!holds.any) return false;
      const name = await Gateway.getInstance().getRequestHandleAppName(request);
      if (!holds.has(name)) return false;
      answerStopped(request, response, name);
      return true;
    });
    Gateway.registerWsHandler(async (request, socket) => {
      if (!holds.any) return false;
      if (!holds.has(await Gateway.getInstance().getRequestHandleAppName(request))) return false;
      socket.destroy();
      return true;
    });
    this.agent.start();
  }

  private wire(app: Application): void {
    this.app = app;
    const changed = (): void => this.agent.changed();
    // The core drops listeners with this mark when the app is initialised anew (server/src/application.ts).
    const on = (event: string, listener: () => unknown): void =>
      app.on(event, Object.assign(listener, { _reinitializable: true }));
    on("__started", changed);
    on("afterDestroy", () => this.agent.stop());
    for (const event of ["applications.afterCreate", "applications.afterDestroy"]) app.db.on(event, changed);
  }
}
