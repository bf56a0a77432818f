/** The gateway's HTTP server. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Balancer } from "./balancer";
import type { DrainRequest } from "./control";
import { notices, wantsPage, type Notice } from "./pages";
import { Proxy, refuseUpgrade, send } from "./proxy";
import { route, type Decision } from "./router";
import type { CompiledTable } from "./compiled";

const HEADERS_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 65_000;
/** Uploads may be slow: an hour for one request. */
const REQUEST_TIMEOUT_MS = 3_600_000;
const IDLE_CHECK_MS = 50;

/** Serves a routing table that may be exchanged at any time. */
export class GatewayServer {
  private readonly server: Server;
  private readonly address: { readonly host: string; readonly port: number };
  private stopping = false;

  private constructor(
    private table: CompiledTable,
    private readonly proxy: Proxy,
  ) {
    this.address = { host: table.table.host, port: table.table.port };
    this.server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS });
    this.server.keepAliveTimeout = KEEP_ALIVE_MS;
    this.server.on("request", (request, response) => this.onRequest(request, response));
    this.server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      const length = Number(request.headers["content-length"] ?? 0);
      if (length <= this.table.table.uploadLimitMiB * 1024 * 1024) response.writeContinue();
      this.onRequest(request, response);
    });
    this.server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.onUpgrade(request, socket, head),
    );
    this.server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      if (error.code === "ECONNRESET") socket.destroy();
      else refuseUpgrade(socket, notices.invalid("it is not valid HTTP"));
    });
  }

  /** A server that doesn't listen yet; `log` gets one line per instance that failed to answer. */
  static async create(
    table: CompiledTable,
    log: (message: string) => void,
    balancer = new Balancer(),
  ): Promise<GatewayServer> {
    const proxy = await Proxy.create(balancer, log);
    proxy.exchange(table.table.routes);
    return new GatewayServer(table, proxy);
  }

  /** Resolves once nothing is passed on to a process any more that its supervisor is about to stop. */
  drain(asked: DrainRequest): Promise<void> {
    return this.proxy.drain(asked);
  }

  /**
   * Binds the first table's host and port, or another port (0 for any), and tells which.
   * @throws {NodeJS.ErrnoException} as Node's `listen` does, `EADDRINUSE` for a port in use.
   */
  async listen(port = this.address.port): Promise<number> {
    this.server.listen(port, this.address.host);
    await once(this.server, "listening");
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes over another table: requests under way end as they began, WebSockets of apps that stopped or moved are cut. */
  exchange(table: CompiledTable): void {
    this.table = table;
    this.proxy.exchange(table.table.routes);
  }

  /** Stops accepting, lets requests finish for at most `graceMs`, ends WebSockets and what is left. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.proxy.endStale([]);
    const idle = setInterval(() => this.server.closeIdleConnections(), IDLE_CHECK_MS);
    const limit = setTimeout(() => this.server.closeAllConnections(), graceMs);
    await closed;
    clearInterval(idle);
    clearTimeout(limit);
    this.proxy.close();
  }

  private decide(request: IncomingMessage): Decision {
    // Node keeps the first of several Host headers; an instance behind it might take another.
    const hosts = request.rawHeaders.filter(
      (name, index) => index % 2 === 0 && name.toLowerCase() === "host",
    );
    if (hosts.length > 1) return { kind: "invalid", reason: "it has more than one Host header" };
    const { host, "x-app": app } = request.headers;
    return route({ url: request.url ?? "", host, app: Array.isArray(app) ? app.join() : app }, this.table);
  }

  private onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (this.stopping) response.setHeader("Connection", "close");
    const decision = this.decide(request);
    if (decision.kind === "proxy") {
      void this.proxy.request(request, response, decision, this.table.table);
    } else if (decision.kind === "health") {
      const { routes } = this.table.table;
      // A writer of a tenant's file asks for that file alone.
      const stack = new URL(request.url ?? "", "http://gateway").searchParams.get("stack");
      const revision = stack === null ? this.table.revision : (this.table.tenantRevisions.get(stack) ?? null);
      response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" });
      response.end(JSON.stringify({ status: "ok", routes: routes.length, revision }));
    } else if (decision.kind === "known") {
      response.writeHead(decision.known ? 200 : 404, { "Content-Length": 0 }).end();
    } else if (decision.kind === "redirect") {
      response
        .writeHead(307, { Location: decision.location, "Cache-Control": "no-store", "Content-Length": 0 })
        .end();
    } else {
      send(response, noticeOf(decision), wantsPage(request.method, request.url ?? "", request.headers));
    }
  }

  private onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const decision = this.decide(request);
    if (request.headers.upgrade?.toLowerCase() !== "websocket" || request.method !== "GET") {
      refuseUpgrade(socket, notices.invalid("only WebSocket upgrades are known"));
    } else if (decision.kind === "proxy") {
      void this.proxy.upgrade(request, socket, head, decision, this.table.table);
    } else if (decision.kind === "health" || decision.kind === "known" || decision.kind === "redirect") {
      refuseUpgrade(socket, notices.unknownPage());
    } else {
      refuseUpgrade(socket, noticeOf(decision));
    }
  }
}

function noticeOf(decision: Extract<Decision, { kind: "invalid" | "unknown" | "stopped" }>): Notice {
  if (decision.kind === "invalid") return notices.invalid(decision.reason);
  if (decision.kind === "stopped") return notices.stopped(decision.route.title);
  return { host: notices.unknownHost, app: notices.unknownApp, page: notices.unknownPage }[decision.what]();
}
