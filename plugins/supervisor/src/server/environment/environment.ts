import { AppSupervisor, Gateway } from "@nocobase/server";
import type { IncomingMessage } from "node:http";
import { notices, wantsPage } from "../../../../../providers/local/gateway/pages";
import { refuseUpgrade, send } from "../../../../../providers/local/gateway/proxy";
import type { Application } from "../../../../shared/contracts/core";
import type { SupervisorSettings } from "../settings";
import { Agent } from "./agent";
import { DedicatedApp } from "./dedicated-app";
import { Holds } from "./holds";
import { HostedApps } from "./hosted-apps";
import { InWork } from "./in-work";
import { processInfo } from "./process-info";

/** This process as a runtime environment or a dedicated app of the fleet: one for its life, whatever its app goes through. */
export class Environment {
  private static only: Environment | undefined;
  private app: Application;
  private readonly host: HostedApps | DedicatedApp;
  private readonly agent: Agent;

  /** Called at the end of the app's every `init()`. */
  static attach(app: Application, settings: SupervisorSettings): void {
    if (app.name !== "main" || process.argv[2] !== "start") return;
    Environment.only ??= new Environment(app, settings);
    Environment.only.wire(app);
  }

  private constructor(app: Application, settings: SupervisorSettings) {
    this.app = app;
    const supervisor = AppSupervisor.getInstance();
    const main = (): Application => this.app;
    const info = () => processInfo(this.app, settings.url);
    const changed = (): void => this.agent.changed();
    const holds = new Holds(process.env.STORAGE_PATH ?? "storage", changed);
    if (settings.role === "environment") {
      this.host = new HostedApps(supervisor, main, holds, info);
      answerFor(holds, (request) => Gateway.getInstance().getRequestHandleAppName(request));
    } else {
      const inWork = new InWork();
      this.host = new DedicatedApp(settings.name, supervisor, main, holds, inWork, info);
      answerFor(holds, () => Promise.resolve(settings.name), inWork);
    }
    this.agent = new Agent(settings.registry, settings.replica, this.host, (message) =>
      this.app.logger.warn(message),
    );
    this.host.follow(changed);
    this.agent.start();
  }

  private wire(app: Application): void {
    this.app = app;
    this.host.wire(app);
    // The core drops listeners with this mark when the app is initialised anew (server/src/application.ts).
    const on = (event: string, listener: () => unknown): void =>
      app.on(event, Object.assign(listener, { _reinitializable: true }));
    on("__started", () => this.agent.changed());
    on("afterDestroy", () => this.agent.stop());
  }
}

/** Requests for apps that were stopped on purpose get a page; NocoBase would say that there is no such app. */
function answerFor(
  holds: Holds,
  appOf: (request: IncomingMessage) => Promise<string>,
  inWork?: InWork,
): void {
  const heldApp = async (request: IncomingMessage): Promise<string | undefined> => {
    if (!holds.any) return undefined;
    const name = await appOf(request);
    return holds.has(name) ? name : undefined;
  };
  Gateway.registerRequestHandler(async (request, response) => {
    const name = await heldApp(request);
    if (name === undefined) {
      inWork?.begin(response);
      return false;
    }
    // The process is well. Visitors come by way of a gateway, which says so.
    if (inWork && isProbe(request)) response.writeHead(200).end("ok");
    else
      send(response, notices.stopped(name), wantsPage(request.method, request.url ?? "/", request.headers));
    return true;
  });
  Gateway.registerWsHandler(async (request, socket) => {
    const name = await heldApp(request);
    if (name === undefined) return false;
    refuseUpgrade(socket, notices.stopped(name));
    return true;
  });
}

function isProbe({ url, headers }: IncomingMessage): boolean {
  return url?.endsWith("/__health_check") === true && headers["x-forwarded-for"] === undefined;
}
