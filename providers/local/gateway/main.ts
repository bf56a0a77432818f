/** The gateway process: `node gateway.cjs <routes.json> [<folder of endpoints> [<folder of tenants' files>]]`. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Balancer } from "./balancer";
import { serveControl } from "./control";
import { GatewayServer } from "./server";
import type { CompiledTable } from "./compiled";
import { readTable, TableError } from "./table";
import { readTenantTables, withTenants, type ReadTenantTable } from "./tenants";
import { watchFolder, watchReplaced } from "./watch";

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

/** The gateway's own routes and those of tenants. Of a tenant's file that can't be used, the last good routes stay. */
function load(file: string, folder: string | undefined, before?: Loaded): Loaded {
  const own = readTable(readFileSync(file, "utf8"));
  if (folder === undefined) return { table: own, tenants: [] };
  const tenants = readTenantTables(folder, (each, error) =>
    log(`keeps the routes it has from ${each}, which can't be used: ${explain(error)}`),
  );
  const broken = before?.tenants.filter(
    ({ stack }) => existsSync(join(folder, `${encodeURIComponent(stack)}.json`)) && !has(tenants, stack),
  );
  tenants.push(...(broken ?? []));
  return { table: withTenants(own, tenants, (clash) => log(`leaves a route out: ${clash}`)), tenants };
}

interface Loaded {
  table: CompiledTable;
  tenants: ReadTenantTable[];
}

function has(tenants: readonly ReadTenantTable[], stack: string): boolean {
  return tenants.some((table) => table.stack === stack);
}

function isSame(a: CompiledTable, b: CompiledTable): boolean {
  if (a.revision !== b.revision || a.tenantRevisions.size !== b.tenantRevisions.size) return false;
  return [...a.tenantRevisions].every(([stack, revision]) => b.tenantRevisions.get(stack) === revision);
}

function explain(error: unknown): string {
  return error instanceof TableError ? `\n${error.message.replace(/^/gm, "  ")}` : (error as Error).message;
}

/** Runs until SIGTERM or SIGINT. */
export async function main(
  argument: string | undefined,
  endpoints?: string,
  tenants?: string,
): Promise<void> {
  if (argument === undefined)
    fail(EXIT_BAD_TABLE, "the path of the routes file is missing: gateway.cjs <routes.json> [endpoints]");
  const file = resolve(argument);
  const folder = tenants === undefined ? undefined : resolve(tenants);
  if (folder !== undefined && !existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  let current: Loaded;
  try {
    current = load(file, folder);
  } catch (error) {
    fail(EXIT_BAD_TABLE, `${file} can't be used: ${explain(error)}`);
  }
  const { host, port } = current.table.table;
  const server = await GatewayServer.create(current.table, log, new Balancer(endpoints));

  const reload = (): void => {
    try {
      const next = load(file, folder, current);
      if (isSame(next.table, current.table)) return;
      const { table, revision } = next.table;
      if (table.host !== host || table.port !== port) {
        log(`${table.host}:${table.port} takes effect at the next start; still on ${host}:${port}`);
      }
      current = next;
      server.exchange(next.table);
      log(`took over ${table.routes.length} routes, revision ${revision.slice(0, 12)}`);
    } catch (error) {
      log(`keeps its routes, since ${file} can't be used: ${explain(error)}`);
    }
  };
  const watches = [
    watchReplaced(file, reload),
    ...(folder === undefined ? [] : [watchFolder(folder, reload)]),
  ];
  process.on("SIGHUP", reload);
  // A table written before the watch began would be missed.
  reload();

  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    log(`${signal}: finishing requests, at most ${GRACE_MS / 1000} s`);
    for (const endWatch of watches) endWatch();
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
  // Only a supervisor asks for anything there.
  if (endpoints !== undefined) await serveControl(dirname(file), (asked) => server.drain(asked));
  log(`listening on ${host}:${port}, ${current.table.table.routes.length} routes`);
}
