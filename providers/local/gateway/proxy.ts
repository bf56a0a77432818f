/** Passes requests and WebSockets on to the instances. */
import { Agent, type ClientRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ProxyServer, ProxyServerOptions } from "httpxy" with { "resolution-mode": "import" };
import type { Balancer } from "./balancer";
import { takeBody, type Body } from "./body";
import type { DrainRequest } from "./control";
import { outgoingHeaders, REPLICA_UNAVAILABLE_HEADER } from "./headers";
import { notices, render, wantsPage, type Notice } from "./pages";
import type { GatewayRoute, RoutingTable } from "./routes";
import type { Proxied } from "./router";

/** What chooses among the processes of an instance. */
export type Balancing = Pick<Balancer, "choose" | "begin" | "refused" | "idle" | "watchHealth" | "close">;

const BYTES_PER_MIB = 1024 * 1024;
/** How long an upload that was refused may go on, so that its sender reads the answer instead of a reset. */
const LINGER_MS = 2_000;

/** Shorter than Node's own 5 s on the other side, which would close a connection just as it is used again. */
const IDLE_CONNECTION_MS = 3_000;

/** About one connection alone; Node sets its own towards the client. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding"]);

interface Passage {
  readonly decision: Proxied;
  readonly asPage: boolean;
  /** Address of the process that has it. */
  url: string;
  outgoing?: ClientRequest;
  /** Ends the attempt under way as {@link Untouched}; undefined where the request can't be repeated elsewhere. */
  untouched?: () => void;
}

/** A replica said that it has not begun with the request. */
class Untouched extends Error {}

interface Upgraded {
  readonly route: GatewayRoute;
  readonly url: string;
}

/** Streams to and from instances over kept-alive connections; nothing is buffered. */
export class Proxy {
  private readonly agent = new Agent({ keepAlive: true, maxFreeSockets: 64, timeout: IDLE_CONNECTION_MS });
  private readonly passages = new WeakMap<IncomingMessage, Passage>();
  private readonly sockets = new Map<Socket, Upgraded>();

  private constructor(
    private readonly web: ProxyServer,
    private readonly ws: ProxyServer,
    private readonly balancer: Balancing,
    private readonly log: (message: string) => void,
  ) {
    this.web.on("proxyReq", (outgoing, request) => {
      const passage = this.passages.get(request);
      if (passage) passage.outgoing = outgoing;
    });
    this.web.on("proxyRes", (incoming, request, response) => this.respond(incoming, request, response));
    this.ws.on("error", (error, request, socket) => {
      const passage = request && this.passages.get(request);
      if (!passage || !socket || "req" in socket) return;
      refuseUpgrade(socket, this.noticeFor(error, passage));
    });
  }

  /** A proxy without connections yet; `log` gets one line per instance that failed to answer. */
  static async create(balancer: Balancing, log: (message: string) => void): Promise<Proxy> {
    // httpxy is an ES module only.
    const { createProxyServer } = await import("httpxy");
    return new Proxy(createProxyServer(), createProxyServer(), balancer, log);
  }

  /** Passes a request on and answers for its instance where that doesn't answer. */
  async request(
    request: IncomingMessage,
    response: ServerResponse,
    decision: Proxied,
    { uploadLimitMiB: limitMiB, behindProxy }: RoutingTable,
  ): Promise<void> {
    const asPage = wantsPage(request.method, decision.path, request.headers);
    const limit = limitMiB * BYTES_PER_MIB;
    if (Number(request.headers["content-length"] ?? 0) > limit) {
      refuseUpload(request, response, render(notices.tooLarge(limitMiB), asPage));
      return;
    }
    const url = this.balancer.choose(decision.route);
    if (url === undefined) {
      send(response, notices.starting(decision.route.title), asPage);
      request.resume();
      return;
    }
    const passage: Passage = { decision, asPage, url };
    this.passages.set(request, passage);
    const options: ProxyServerOptions = {
      agent: this.agent,
      // The client's `Connection` is about its own connection alone.
      headers: { connection: "keep-alive" },
    };
    let body: Body;
    try {
      body = await takeBody(request, limit, () => {
        passage.outgoing?.destroy();
        refuseUpload(request, response, render(notices.tooLarge(limitMiB), asPage));
      });
    } catch {
      // Its sender is gone.
      response.destroy();
      return;
    }
    request.headers = outgoingHeaders(request, decision, behindProxy);
    request.url = decision.path;
    await this.pass(request, response, options, passage, body);
  }

  /** Passes a request on to the process chosen for it, and to another one where that can't have taken it. */
  private async pass(
    request: IncomingMessage,
    response: ServerResponse,
    options: ProxyServerOptions,
    passage: Passage,
    body: Body,
  ): Promise<void> {
    const read = request.method === "GET" || request.method === "HEAD";
    const tried = new Set<string>();
    for (;;) {
      const { url } = passage;
      const end = this.balancer.begin(url);
      try {
        await this.attempt(request, response, { ...options, target: url }, passage, body, tried);
        return;
      } catch (error) {
        const refused = isRefusal(error) || error instanceof Untouched;
        if (refused) this.balancer.refused(url);
        const again = body.repeatable && (read || refused) && !response.headersSent && !response.destroyed;
        // A kept-alive connection may be closed by the instance in the moment it is used again.
        const stale = passage.outgoing?.reusedSocket === true && !tried.has(url);
        tried.add(url);
        const next = again
          ? (this.balancer.choose(passage.decision.route, tried) ?? (stale ? url : undefined))
          : undefined;
        if (next === undefined) {
          this.fail(error, passage, response);
          return;
        }
        passage.url = next;
        Object.assign(options, { agent: false, headers: {} });
      } finally {
        end();
      }
    }
  }

  /** @throws {@link Untouched} where the process refuses the request and there is another one to ask */
  private attempt(
    request: IncomingMessage,
    response: ServerResponse,
    options: ProxyServerOptions,
    passage: Passage,
    body: Body,
    tried: ReadonlySet<string>,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      passage.untouched = undefined;
      const others = new Set([...tried, passage.url]);
      if (body.repeatable && this.balancer.choose(passage.decision.route, others) !== undefined) {
        passage.untouched = () => reject(new Untouched());
      }
      const buffer = body.stream();
      this.web
        .web(request, response, { ...options, ...(buffer && { buffer }), selfHandleResponse: true })
        .then(resolve, reject);
    });
  }

  /** Passes a WebSocket on. */
  async upgrade(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    decision: Proxied,
    { behindProxy }: RoutingTable,
  ): Promise<void> {
    const url = this.balancer.choose(decision.route);
    if (url === undefined) {
      refuseUpgrade(socket, notices.starting(decision.route.title));
      return;
    }
    this.passages.set(request, { decision, asPage: false, url });
    const connection = request.headers.connection;
    request.headers = { ...outgoingHeaders(request, decision, behindProxy), connection };
    request.url = decision.path;
    const end = this.balancer.begin(url);
    this.sockets.set(socket, { route: decision.route, url });
    socket.once("close", () => {
      this.sockets.delete(socket);
      end();
    });
    await this.ws.ws(request, socket, { target: url }, head);
  }

  /**
   * Lets go of a process that is about to be stopped: waits for the requests under way, then ends its WebSockets,
   * whose clients come back to another one, and idle connections.
   */
  async drain({ service, url, limitMs }: DrainRequest): Promise<void> {
    const sockets = (): Socket[] =>
      [...this.sockets].flatMap(([socket, upgraded]) => (upgraded.url === url ? [socket] : []));
    await this.balancer.idle(service, url, limitMs, () => sockets().length);
    for (const socket of sockets()) socket.destroy();
    const { hostname, port } = new URL(url);
    for (const [name, idle = []] of Object.entries(this.agent.freeSockets)) {
      if (name.startsWith(`${hostname}:${port}:`)) for (const socket of [...idle]) socket.destroy();
    }
  }

  /** Takes over which processes there are, and ends what leads to none of them any more. */
  exchange(routes: readonly GatewayRoute[]): void {
    this.balancer.watchHealth(routes);
    this.endStale(routes);
  }

  /**
   * Ends WebSockets whose app no longer runs behind the same address. A message on such a socket would wake a
   * stopped app, as any request does.
   */
  endStale(routes: readonly GatewayRoute[]): void {
    for (const [socket, { route }] of this.sockets) {
      const now = routes.find((candidate) => candidate.key === route.key && candidate.kind === route.kind);
      const same =
        now?.state === "running" && now.target === route.target && now.isolation === route.isolation;
      if (!same) socket.destroy();
    }
  }

  /** Ends every WebSocket and idle connection to an instance. */
  close(): void {
    for (const socket of this.sockets.keys()) socket.destroy();
    this.agent.destroy();
    this.balancer.close();
  }

  private respond(incoming: IncomingMessage, request: IncomingMessage, response: ServerResponse): void {
    const passage = this.passages.get(request);
    if (incoming.statusCode === 503) {
      if (passage?.untouched && incoming.headers[REPLICA_UNAVAILABLE_HEADER] !== undefined) {
        incoming.resume();
        passage.untouched();
        return;
      }
      if (passage?.asPage === true && (incoming.headers["content-type"] ?? "").includes("json")) {
        incoming.resume();
        send(response, notices.starting(passage.decision.route.title), true);
        return;
      }
    }
    for (const [name, value] of Object.entries(incoming.headers)) {
      const own =
        HOP_BY_HOP.has(name) || (passage?.decision.withoutCookies === true && name === "set-cookie");
      if (!own && value !== undefined) response.setHeader(name, value);
    }
    response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage);
    incoming.pipe(response);
  }

  private fail(error: unknown, passage: Passage, response: ServerResponse): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (!response.destroyed) send(response, this.noticeFor(error, passage), passage.asPage);
  }

  private noticeFor(error: unknown, { decision: { route }, url }: Passage): Notice {
    if (isRefusal(error)) return notices.starting(route.title);
    this.log(`${route.key} at ${url}: ${(error as Error).message}`);
    return notices.unreachable(route.title);
  }
}

/** Nobody listened, so nothing was passed on. A container's name is unknown while it is made anew. */
function isRefusal(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === "ECONNREFUSED" || code === "EHOSTUNREACH" || syscall === "getaddrinfo";
}

/** Answers a request with a notice. */
export function send(response: ServerResponse, notice: Notice, asPage: boolean): void {
  const { headers, body } = render(notice, asPage);
  response.writeHead(notice.status, headers).end(body);
}

/** Answers an upgrade request with a notice, and closes its connection. */
export function refuseUpgrade(socket: Socket, notice: Notice): void {
  if (!socket.writable) return;
  const { headers, body } = render(notice, false);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const status = `HTTP/1.1 ${notice.status} ${notice.code}`;
  socket.end([status, ...lines, "Connection: close", "", body].join("\r\n"));
}

function refuseUpload(
  request: IncomingMessage,
  response: ServerResponse,
  answer: ReturnType<typeof render>,
): void {
  if (response.headersSent) return;
  response.writeHead(413, { ...answer.headers, Connection: "close" });
  response.write(answer.body);
  const finish = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(finish, LINGER_MS);
  request.once("end", finish).once("close", finish).resume();
}
