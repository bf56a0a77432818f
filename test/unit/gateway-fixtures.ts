import { once } from "node:events";
import http, { type IncomingHttpHeaders, type IncomingMessage, type RequestListener } from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { GatewayRoute } from "../../providers/local/gateway/routes";
import { GatewayServer } from "../../providers/local/gateway/server";
import type { CompiledTable } from "../../providers/local/gateway/compiled";
import { readTable } from "../../providers/local/gateway/table";

export interface Backend {
  url: string;
  hits: IncomingMessage[];
  server: http.Server;
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Ask {
  host?: string;
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: Buffer | Iterable<Buffer>;
}

const ends: (() => Promise<void> | void)[] = [];

/** Ends every server and socket of a test, the last one first. */
export async function endAll(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}

export async function backend(handler: RequestListener): Promise<Backend> {
  const hits: IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    hits.push(request);
    handler(request, response);
  });
  const url = await start(server);
  return { url, hits, server };
}

async function start(server: http.Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function app(key: string, target: string, more: Partial<GatewayRoute> = {}): GatewayRoute {
  const hosts = [`${key}.localhost`];
  return {
    key,
    kind: "app",
    title: key.toUpperCase(),
    isolation: "shared",
    hosts,
    target,
    state: "running",
    ...more,
  };
}

export function tableOf(routes: GatewayRoute[], uploadLimitMiB = 1): CompiledTable {
  const table = { host: "127.0.0.1", port: 13000, domain: "localhost", uploadLimitMiB, routes };
  return readTable(JSON.stringify(table));
}

export async function gateway(
  routes: GatewayRoute[],
): Promise<{ server: GatewayServer; port: number; lines: string[] }> {
  const lines: string[] = [];
  const server = await GatewayServer.create(tableOf(routes), (line) => lines.push(line));
  const port = await server.listen(0);
  ends.push(() => server.stop(0));
  return { server, port, lines };
}

export function open(port: number, path: string, ask: Ask = {}): http.ClientRequest {
  const headers = { host: `${ask.host ?? "crm.localhost"}:13000`, ...ask.headers };
  return http.request({
    port,
    host: "127.0.0.1",
    path,
    method: ask.method ?? "GET",
    headers,
    agent: false,
  });
}

export async function fetchFrom(port: number, path: string, ask: Ask = {}): Promise<Reply> {
  const request = open(port, path, ask);
  // A refused upload's connection may be cut after its answer came.
  request.on("error", () => undefined);
  if (ask.body instanceof Buffer) request.end(ask.body);
  else {
    for (const chunk of ask.body ?? []) request.write(chunk);
    request.end();
  }
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

/** Sends text as it is, and collects what comes back until the connection ends or `until` is seen. */
export async function raw(
  port: number,
  text: string,
  until?: string,
): Promise<{ text: string; socket: Socket }> {
  const socket = net.connect(port, "127.0.0.1");
  ends.push(() => void socket.destroy());
  socket.on("error", () => undefined);
  let received = "";
  socket.on("data", (chunk) => (received += chunk.toString("latin1")));
  const ended = once(socket, "close");
  socket.write(text);
  while (until === undefined ? !socket.closed : !received.includes(until)) {
    if (socket.closed) break;
    await Promise.race([ended, sleep(5)]);
  }
  return { text: received, socket };
}

export const upgrade = (path: string, host: string, more = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${more}\r\n`;

/** Answers upgrades and sends back whatever arrives, after the `X-App` and path it was asked with. */
export function echo(backendServer: Backend): void {
  backendServer.server.on("upgrade", (request: IncomingMessage, socket: Socket) => {
    backendServer.hits.push(request);
    socket.on("error", () => undefined);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.write(`<${String(request.headers["x-app"])} ${String(request.url)}>`);
    socket.pipe(socket);
  });
}

/** Accept header of a browser that opens a page. */
export const asPage = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
