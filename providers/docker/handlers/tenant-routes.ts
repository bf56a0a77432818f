import { setTimeout as sleep } from "node:timers/promises";
import { explained, found } from "../../../toolchain/plugins/docker/daemon";
import { changedPaths } from "../../kit/values";
import type { Context, Props, ResourceHandler } from "../../kit/types";
import type { GatewayRoute, RoutingTable } from "../../local/gateway/routes";
import { revisionOf, routeClashes, type RouteOwner, type TenantTable } from "../../local/gateway/tenants";
import { gatewayRevision } from "../../local/handlers/gateway";
import { tryLock } from "../../local/support/lock";
import {
  GATEWAY_FOLDER,
  gatewayFile,
  readGatewayFolder,
  ROUTES_FILE,
  TENANTS_FOLDER,
} from "../gateway/folder";
import { tenantTables } from "../gateway/tenants";
import { putIntoContainer } from "../volume/helper";
import { failuresOf, hasUnknown, isText, placeOf } from "./context";

const LOCK_LIMIT_MS = 30_000;
const RELOAD_LIMIT_MS = 15_000;

interface TenantRoutesInputs {
  stack: string;
  /** Container of the platform stack's gateway. */
  container: string;
  address: { host: string; port: number };
  routes: GatewayRoute[];
}

function inputsOf(props: Props): TenantRoutesInputs {
  return props as unknown as TenantRoutesInputs;
}

/** What others have already of these routes, one sentence each. */
async function clashesOf(
  { stack, container, routes }: TenantRoutesInputs,
  context: Context,
): Promise<string[]> {
  const { daemon } = placeOf(context);
  const own = (await readGatewayFolder(daemon, container))?.[ROUTES_FILE];
  const tenants = await tenantTables(daemon, container);
  const others: RouteOwner[] = [
    { name: "the platform", routes: own === undefined ? [] : (JSON.parse(own) as RoutingTable).routes },
    ...tenants
      .filter((table) => table.stack !== stack)
      .map((table) => ({ name: `stack ${table.stack}`, routes: table.routes })),
  ];
  return routeClashes({ name: `stack ${stack}`, routes }, others);
}

/** Two stacks that come up side by side must not both find a host free. */
async function locked<T>(container: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const limit = Date.now() + LOCK_LIMIT_MS;
  for (;;) {
    const lock = await tryLock(`tenant routes of container ${container}`);
    if (lock) return await work().finally(() => lock.release());
    if (Date.now() > limit) throw new Error(`the routes of ${container} are locked by another run`);
    await sleep(50, undefined, { signal });
  }
}

async function write(inputs: TenantRoutesInputs, routes: GatewayRoute[], context: Context): Promise<void> {
  const { daemon, stack: root } = placeOf(context);
  const { stack, container, address } = inputs;
  const table: TenantTable = { stack, root, routes };
  const text = JSON.stringify(table, undefined, 1);
  const file = gatewayFile(`${TENANTS_FOLDER}/${encodeURIComponent(stack)}.json`, text);
  const written = await explained("write routes to the platform's gateway", daemon, () =>
    putIntoContainer(daemon, container, GATEWAY_FOLDER, [file]),
  );
  if (!written)
    throw new Error(
      `The platform's gateway ${container} is not on ${daemon.address}: bring its stack up first.`,
    );
  const info = await found(() => daemon.docker.getContainer(container).inspect());
  if (info?.State.Running !== true) {
    context.warn("The platform's gateway doesn't run; it takes these routes over when it starts.");
    return;
  }
  const limit = Date.now() + RELOAD_LIMIT_MS;
  while ((await gatewayRevision(address, context.signal, stack)) !== revisionOf(text)) {
    if (Date.now() > limit) {
      throw new Error(
        `the platform's gateway didn't take the routes of ${stack} over within ${RELOAD_LIMIT_MS / 1000} s; ` +
          "see: fleet logs gateway, of the platform stack",
      );
    }
    await sleep(50, undefined, { signal: context.signal });
  }
}

async function apply(news: Props, context: Context): Promise<Props> {
  const inputs = inputsOf(news);
  await locked(inputs.container, context.signal, async () => {
    const clashes = await clashesOf(inputs, context);
    if (clashes.length > 0) throw new Error(clashes.join("\n"));
    await write(inputs, inputs.routes, context);
  });
  return { ...news };
}

/** `nocobase-docker:index:TenantRoutes`. */
export const tenantRoutes: ResourceHandler = {
  async check(news, _olds, context) {
    const failures = failuresOf(news, { stack: isText, container: isText });
    if (failures.length === 0 && !hasUnknown([news.stack, news.container, news.routes])) {
      const clashes = await clashesOf(inputsOf(news), context);
      failures.push(...clashes.map((reason) => ({ property: "routes", reason })));
    }
    return { inputs: news, failures };
  },

  diff(_id, _olds, news, _context, oldInputs) {
    const changes = changedPaths(oldInputs, news).map((path) => ({
      path,
      replace: path === "stack" || path === "container",
    }));
    return { changes, deleteBeforeReplace: true };
  },

  async create(inputs, context) {
    return { id: inputsOf(inputs).stack, outputs: await apply(inputs, context) };
  },

  update(_id, _olds, news, context) {
    return apply(news, context);
  },

  async delete(_id, outputs, context) {
    const inputs = inputsOf(outputs);
    const { daemon } = placeOf(context);
    if (!(await found(() => daemon.docker.getContainer(inputs.container).inspect()))) return;
    await write(inputs, [], context);
  },
};
