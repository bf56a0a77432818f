/** The daemon's frame: lock, socket, HTTP. Started by {@link ensureSupervisor}, one per root. */
import * as fs from "node:fs";
import * as http from "node:http";
import { hasCode, messageOf, withSocketAddress } from "../support/files";
import { tryLock } from "../support/lock";
import { rotateLog } from "./logs";
import { SUPERVISOR_VERSION, type SupervisorInfo, type UnitDefinition } from "./protocol";
import { UnitStore } from "./store";
import { RequestFault, Supervisor } from "./supervisor";

const startedAt = new Date().toISOString();

/** Runs until {@link Supervisor} has nothing left, a shutdown request, or SIGTERM. Exits at once where another daemon serves this root. */
export async function runDaemon(folder: string): Promise<void> {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const root = fs.realpathSync(folder);
  const lock = await tryLock(`supervisor:${root}`);
  if (!lock) return;
  const store = new UnitStore(root);
  store.prepare();
  const log = (message: string): void => {
    console.log(`${new Date().toISOString()} ${message}`);
    rotateLog(store.layout.daemonLog);
  };
  const leave = (reason: string): void => {
    log(`daemon ${process.pid} ends: ${reason}`);
    supervisor.dispose();
    fs.rmSync(store.layout.socket, { force: true });
    process.exit(0);
  };
  const supervisor = new Supervisor(store, log, () => leave("nothing left to supervise"));
  const server = http.createServer((request, response) => {
    void answer(supervisor, root, request)
      .then(({ status, body, after }) => {
        response.writeHead(status, { "content-type": "application/json", connection: "close" });
        response.end(JSON.stringify(body), after ? () => leave(after) : undefined);
      })
      .catch((error: unknown) => {
        const status = error instanceof RequestFault ? error.status : 500;
        response.writeHead(status, { "content-type": "application/json", connection: "close" });
        response.end(JSON.stringify({ error: messageOf(error) }));
      });
  });
  // A stop may take as long as the slowest unit's grace period.
  server.requestTimeout = 0;
  // The lock is ours, so a socket left here is a dead daemon's.
  fs.rmSync(store.layout.socket, { force: true });
  await withSocketAddress(
    store.layout.socket,
    (address) =>
      new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(address, resolve);
      }),
  );
  fs.chmodSync(store.layout.socket, 0o600);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => leave(signal));
  process.on("uncaughtException", (error) => {
    // A full disk must not take the supervision down with it.
    if (!hasCode(error, "EPIPE"))
      console.error(`${new Date().toISOString()} ${error.stack ?? error.message}`);
  });
  log(`daemon ${process.pid} supervises ${root}`);
  supervisor.boot();
}

interface Answer {
  status: number;
  body: unknown;
  /** Reason to end the daemon once the answer is sent. */
  after?: string;
}

async function answer(supervisor: Supervisor, root: string, request: http.IncomingMessage): Promise<Answer> {
  const body = await readBody(request);
  const [, collection, name, action] = (request.url ?? "/").split("/").map(decodeURIComponent);
  const route = `${request.method ?? ""} ${collection ?? ""}${name === undefined ? "" : "/:name"}${action ? `/${action}` : ""}`;
  const hold = body["hold"] === true;
  const ok = (result: unknown): Answer => ({ status: 200, body: result });
  switch (route) {
    case "GET info": {
      const info: SupervisorInfo = { version: SUPERVISOR_VERSION, pid: process.pid, root, startedAt };
      return ok(info);
    }
    case "GET units":
      return ok(supervisor.list());
    case "GET units/:name":
      return ok(supervisor.get(name ?? ""));
    case "PUT units/:name":
      return ok(await supervisor.put({ ...(body as unknown as UnitDefinition), name: name ?? "" }));
    case "DELETE units/:name":
      await supervisor.remove(name ?? "");
      return ok({});
    case "POST units/:name/start":
      return ok(await supervisor.start(name ?? ""));
    case "POST units/:name/stop":
      return ok(await supervisor.stop(name ?? "", hold));
    case "POST units/:name/restart":
      return ok(await supervisor.restart(name ?? ""));
    case "POST start-all":
      await supervisor.startAll();
      return ok(supervisor.list());
    case "POST stop-all":
      await supervisor.stopAll(hold);
      return ok(supervisor.list());
    case "POST shutdown":
      if (body["stopUnits"] === true) await supervisor.shutdown();
      return { status: 200, body: {}, after: "shutdown asked for" };
    default:
      throw new RequestFault(404, `no such request: ${route}`);
  }
}

async function readBody(request: http.IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  if (text === "") return {};
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new RequestFault(400, "the request body is not JSON");
  }
}
