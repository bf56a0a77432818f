import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PROJECT_DIR } from "../../../toolchain/locations";
import { changedPaths, sameValue } from "../../kit/values";
import type { Context, Props, ResourceHandler } from "../../kit/types";
import type { GatewayRoute, RoutingTable } from "../gateway/routes";
import { readTenantTables, revisionOf, routeClashes, tenantFolder } from "../gateway/tenants";
import { ensureFolder, writeFileIfChanged } from "../support/files";
import { supervisorLayout } from "../supervisor/layout";
import { failuresOf, hasUnknown, isPort, isText, rootOf } from "./context";
import {
  bringUp,
  defineUnit,
  isRunning,
  removeUnit,
  UNIT_ORDER,
  unitChanges,
  type WantedUnit,
} from "./units";

const NAME = "gateway";
const LAUNCHER = path.join(PROJECT_DIR, "providers", "local", "gateway", "gateway.cjs");
const START_LIMIT_MS = 60_000;
const RELOAD_LIMIT_MS = 15_000;

function routesFile(root: string): string {
  return path.join(root, NAME, "routes.json");
}

function tableOf(props: Props): RoutingTable {
  const { host, port, domain, uploadLimitMiB, routes } = props as unknown as RoutingTable;
  return { host, port, domain, uploadLimitMiB, routes };
}

function wantedUnit(root: string, table: RoutingTable): WantedUnit {
  const { host, port } = table;
  return {
    name: NAME,
    kind: "gateway",
    order: UNIT_ORDER.gateway,
    args: [LAUNCHER, routesFile(root), supervisorLayout(root).endpoints, tenantFolder(root)],
    cwd: path.join(root, NAME),
    // Routes are taken over by the running process; an address is not.
    configuration: [`${host}:${port}`],
    health: {
      probe: { kind: "http", url: healthUrl(table) },
      intervalMs: 5000,
      timeoutMs: 5000,
      failures: 4,
      startTimeoutMs: START_LIMIT_MS,
    },
    stop: { signal: "SIGTERM", graceMs: 12_000 },
    desired: "running",
  };
}

function probeHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "[::1]" : host;
}

/** Routes that the stack below this root has itself; none where its gateway was never made. */
export function platformRoutes(root: string): GatewayRoute[] {
  return (writtenTable(root) as Partial<RoutingTable> | undefined)?.routes ?? [];
}

/**
 * Which routes file a gateway has in force: SHA-256 of its text, of a tenant's file where `stack` names one.
 * Null: it has none. Undefined: no gateway answers.
 */
export async function gatewayRevision(
  address: Pick<RoutingTable, "host" | "port">,
  signal: AbortSignal,
  stack?: string,
): Promise<string | null | undefined> {
  const query = stack === undefined ? "" : `?stack=${encodeURIComponent(stack)}`;
  const answer = await fetch(healthUrl(address) + query, { signal }).catch(() => undefined);
  const health = (await answer?.json().catch(() => undefined)) as { revision?: string | null } | undefined;
  return health?.revision;
}

/** The routes file as it is; undefined where it is missing or no JSON. */
function writtenTable(root: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(routesFile(root), "utf8"));
  } catch {
    return undefined;
  }
}

function urlOf({ domain, port }: RoutingTable): string {
  return `http://${domain}${port === 80 ? "" : `:${port}`}`;
}

async function apply(inputs: Props, context: Context): Promise<Props> {
  const root = rootOf(context);
  const table = tableOf(inputs);
  ensureFolder(path.join(root, NAME));
  const text = JSON.stringify(table, undefined, 1);
  writeFileIfChanged(routesFile(root), text);
  await bringUp(root, {
    context,
    wanted: wantedUnit(root, table),
    listens: { host: table.host, port: table.port, setting: "`gateway.port` in the stack file" },
    timeoutMs: START_LIMIT_MS,
  });
  await untilInForce(table, text, context.signal);
  return { ...table, url: urlOf(table), running: true };
}

/** Waits until the gateway routes by this table: an app may be stopped only once no request reaches it any more. */
async function untilInForce(table: RoutingTable, text: string, signal: AbortSignal): Promise<void> {
  const revision = revisionOf(text);
  const limit = Date.now() + RELOAD_LIMIT_MS;
  for (;;) {
    if ((await gatewayRevision(table, signal)) === revision) return;
    if (Date.now() > limit) {
      throw new Error(
        `the gateway didn't take its new routes over within ${RELOAD_LIMIT_MS / 1000} s; see: fleet logs gateway`,
      );
    }
    await sleep(50, undefined, { signal });
  }
}

function healthUrl({ host, port }: Pick<RoutingTable, "host" | "port">): string {
  return `http://${probeHost(host)}:${port}/__fleet/health`;
}

/** `nocobase-local:index:Gateway`. */
export const gateway: ResourceHandler = {
  computed: ["url"],

  check(news, _olds, context) {
    const rules = { host: isText, port: isPort, domain: isText };
    const failures = failuresOf(news, rules);
    if (Array.isArray(news.routes)) {
      const tenants = readTenantTables(tenantFolder(rootOf(context)), () => undefined);
      const mine = { name: "this stack", routes: tableOf(news).routes };
      const others = tenants.map(({ stack, routes }) => ({ name: `stack ${stack}`, routes }));
      failures.push(...routeClashes(mine, others).map((reason) => ({ property: "routes", reason })));
    }
    return { inputs: news, failures };
  },

  async diff(_id, _olds, news, context, oldInputs) {
    const changes = changedPaths(oldInputs, news).map((each) => ({ path: each }));
    if (changes.length > 0 || hasUnknown(news)) return { changes };
    const root = rootOf(context);
    const table = tableOf(news);
    if (!sameValue(writtenTable(root), table)) return { changes: [{ path: "routes", inputDiff: false }] };
    return { changes: await unitChanges(root, defineUnit(root, wantedUnit(root, table))) };
  },

  async create(inputs, context) {
    return { id: NAME, outputs: await apply(inputs, context) };
  },

  update(_id, _olds, news, context) {
    return apply(news, context);
  },

  async read(id, outputs, context, inputs) {
    const root = rootOf(context);
    if (!fs.existsSync(routesFile(root))) return { id: undefined, outputs, inputs };
    return { id, outputs: { ...outputs, running: await isRunning(root, NAME) }, inputs };
  },

  async delete(_id, _outputs, context) {
    const root = rootOf(context);
    const tenants = readTenantTables(tenantFolder(root), () => undefined).map(({ stack }) => stack);
    if (tenants.length > 0) {
      throw new Error(
        `stacks stand on this platform: ${tenants.join(", ")}. Destroy them first; \`fleet stop\` stops the fleet and loses nothing.`,
      );
    }
    await removeUnit(root, NAME);
    fs.rmSync(path.join(root, NAME), { recursive: true, force: true });
  },
};
