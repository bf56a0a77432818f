/** The gateway process: `node gateway.cjs <routes.json> [folder of endpoint files]`. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Balancer } from "./balancer";
import { serveControl } from "./control";
import { GatewayServer } from "./server";
import { readTable, TableError, type CompiledTable } from "./table";
import { watchReplaced } from "./watch";

/** Exit codes a supervisor can tell apart. */
const EXIT_BAD_TABLE = 2;
const EXIT_CANNOT_BIND = 3;
const GRACE_MS = 10_000;

function log(message: string): void {
  console.log(`${new Date().toISOString()} gateway: ${message}`);
}

function fail(code: number, message: string): never {
  console.error(`gateway: ${message}`);
  process.exit(code);
}

function load(file: string): CompiledTable {
  return readTable(readFileSync(file, "utf8"));
}

function explain(error: unknown): string {
  return error instanceof TableError ? `\n${error.message.replace(/^/gm, "  ")}` : (error as Error).message;
}

/** Runs until SIGTERM or SIGINT. */
export async function main(argument: string | undefined, endpoints?: string): Promise<void> {
  if (argument === undefined)
    fail(EXIT_BAD_TABLE, "the path of the routes file is missing: gateway.cjs <routes.json> [endpoints]");
  const file = resolve(argument);
  let current: CompiledTable;
  try {
    current = load(file);
  } catch (error) {
    fail(EXIT_BAD_TABLE, `${file} can't be used: ${explain(error)}`);
  }
  const { host, port } = current.table;
  const server = await GatewayServer.create(current, log, new Balancer(endpoints));

  const reload = (): void => {
    try {
      const next = load(file);
      if (next.revision === current.revision) return;
      if (next.table.host !== host || next.table.port !== port) {
        log(`${next.table.host}:${next.table.port} takes effect at the next start; still on ${host}:${port}`);
      }
      current = next;
      server.exchange(next);
      log(`took over ${next.table.routes.length} routes, revision ${next.revision.slice(0, 12)}`);
    } catch (error) {
      log(`keeps its routes, since ${file} can't be used: ${explain(error)}`);
    }
  };
  const endWatch = watchReplaced(file, reload);
  process.on("SIGHUP", reload);
  // A table written before the watch began would be missed.
  reload();

  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    log(`${signal}: finishing requests, at most ${GRACE_MS / 1000} s`);
    endWatch();
    void server.stop(GRACE_MS).then(() => process.exit(0));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);

  try {
    await server.listen();
  } catch (error) {
    const inUse = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
    const reason = inUse
      ? "the port is in use by another process; stop that process or choose another gateway port"
      : (error as Error).message;
    fail(EXIT_CANNOT_BIND, `can't listen on ${host}:${port}: ${reason}`);
  }
  await serveControl(dirname(file), (asked) => server.drain(asked));
  log(`listening on ${host}:${port}, ${current.table.routes.length} routes`);
}
