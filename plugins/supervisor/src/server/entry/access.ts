import { Gateway } from "@nocobase/server";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { notices, wantsPage } from "../../../../../providers/local/gateway/pages";
import { Proxy, refuseUpgrade, send } from "../../../../../providers/local/gateway/proxy";
import type { RegistryControl } from "../registry/control";
import { Routing, type Access } from "./routing";
import { Targets } from "./targets";

/** How often silence is looked for; changes are notified. Milliseconds. */
const LOOK_EVERY_MS = 2000;

/** Passes requests for the fleet's apps that come to the entry app on to where they live. */
export class AppAccess {
  private readonly targets = new Targets();
  private readonly proxy: Promise<Proxy>;
  private routing = new Routing([]);
  private looking: Promise<void> | undefined;
  private again = false;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly control: Pick<RegistryControl, "apps" | "connected">,
    private readonly warn: (message: string) => void,
  ) {
    this.proxy = Proxy.create(this.targets, warn);
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
    Gateway.registerRequestHandler(this.request);
    Gateway.registerWsHandler(this.upgrade);
  }

  /** The registry may have changed. While it is away what was known last goes on. */
  look(): void {
    if (!this.control.connected) return;
    this.again = true;
    this.looking ??= this.follow().finally(() => (this.looking = undefined));
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    (await this.proxy).close();
  }

  private async follow(): Promise<void> {
    const proxy = await this.proxy;
    while (this.again) {
      this.again = false;
      try {
        this.routing = new Routing(await this.control.apps());
      } catch (error) {
        this.warn(`where the apps are can't be read: ${String(error)}`);
        return;
      }
      this.targets.exchange(this.routing.targets);
      proxy.exchange(this.routing.table.routes);
    }
  }

  private decide(request: IncomingMessage): Access {
    const { host, "x-app": app } = request.headers;
    return this.routing.decide({
      url: request.url ?? "/",
      host,
      app: Array.isArray(app) ? app[0] : app,
    });
  }

  /** Before NocoBase, which knows no app but its own. */
  private readonly request = async (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    const access = this.decide(request);
    if (access.kind === "own") return false;
    if (access.kind === "notice")
      send(response, access.notice, wantsPage(request.method, request.url ?? "/", request.headers));
    else if (access.kind === "redirect") response.writeHead(302, { Location: access.location }).end();
    else await (await this.proxy).request(request, response, access.decision, this.routing.table);
    return true;
  };

  private readonly upgrade = async (
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
  ): Promise<unknown> => {
    const access = this.decide(request);
    if (access.kind === "own") return false;
    if (access.kind === "notice") refuseUpgrade(socket, access.notice);
    else if (access.kind === "redirect") refuseUpgrade(socket, notices.unknownPage());
    else await (await this.proxy).upgrade(request, socket, head, access.decision, this.routing.table);
    return true;
  };
}
