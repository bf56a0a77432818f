import { setTimeout as sleep } from "node:timers/promises";
import { explained, found } from "../../../toolchain/plugins/docker/daemon";
import { changedPaths } from "../../kit/values";
import type { Context, Props, ResourceHandler } from "../../kit/types";
import type { RoutingTable } from "../../local/gateway/routes";
import { revisionOf, routeClashes } from "../../local/gateway/tenants";
import { gatewayRevision } from "../../local/handlers/gateway";
import {
  GATEWAY_FOLDER,
  gatewayFile,
  gatewayProgram,
  PROGRAM_FILE,
  PROXY_FILE,
  ROUTES_FILE,
  TENANTS_FOLDER,
} from "../gateway/folder";
import { tenantTables } from "../gateway/tenants";
import { Helper, putIntoContainer } from "../volume/helper";
import { assertOurs } from "../volume/owned";
import { failuresOf, hasUnknown, isText, placeOf } from "./context";

const RELOAD_LIMIT_MS = 15_000;

interface GatewayInputs {
  volume: string;
  image: string;
  /** Name of the container that routes; it may not be there yet. */
  container: string;
  /** Where the gateway answers on this machine. */
  address: { host: string; port: number };
  table: RoutingTable;
  proxy: string;
  program: string;
}

function inputsOf(props: Props): GatewayInputs {
  return props as unknown as GatewayInputs;
}

async function apply(news: Props, context: Context): Promise<Props> {
  const { daemon, stack } = placeOf(context);
  const { volume, image, container, address, table, proxy } = inputsOf(news);
  await assertOurs(daemon, volume, [stack]);
  const text = JSON.stringify(table, undefined, 1);
  const files = [
    gatewayFile(TENANTS_FOLDER),
    gatewayFile(PROGRAM_FILE, await gatewayProgram()),
    gatewayFile(PROXY_FILE, proxy),
    gatewayFile(ROUTES_FILE, text),
  ];
  await explained("write the gateway's routes", daemon, async () => {
    if (await putIntoContainer(daemon, container, GATEWAY_FOLDER, files)) return;
    const volumes = { [GATEWAY_FOLDER]: volume };
    await Helper.use({ daemon, image, stack, volumes }, ["--version"], (helper) =>
      helper.put(GATEWAY_FOLDER, files),
    );
  });
  const running = (await found(() => daemon.docker.getContainer(container).inspect()))?.State.Running;
  if (running) await untilInForce(address, revisionOf(text), context.signal);
  return { ...news };
}

/** Waits until the gateway routes by this table: an app may be stopped only once no request reaches it any more. */
async function untilInForce(
  address: GatewayInputs["address"],
  revision: string,
  signal: AbortSignal,
): Promise<void> {
  const limit = Date.now() + RELOAD_LIMIT_MS;
  while ((await gatewayRevision(address, signal)) !== revision) {
    if (Date.now() > limit) {
      throw new Error(
        `the gateway didn't take its new routes over within ${RELOAD_LIMIT_MS / 1000} s; see: fleet logs gateway`,
      );
    }
    await sleep(50, undefined, { signal });
  }
}

/** `nocobase-docker:index:GatewayConfig`: the gateway's program and routes, taken over by the running container. */
export const gatewayConfig: ResourceHandler = {
  async check(news, _olds, context) {
    const failures = failuresOf(news, { volume: isText, container: isText });
    if (failures.length === 0 && !hasUnknown([news.container, news.table])) {
      const { container, table } = inputsOf(news);
      const tenants = await tenantTables(placeOf(context).daemon, container);
      const mine = { name: "this stack", routes: table.routes };
      const others = tenants.map(({ stack, routes }) => ({ name: `stack ${stack}`, routes }));
      failures.push(...routeClashes(mine, others).map((reason) => ({ property: "table", reason })));
    }
    return { inputs: news, failures };
  },

  diff(_id, _olds, news, _context, oldInputs) {
    const changes = changedPaths(oldInputs, news)
      .filter((path) => path !== "image")
      .map((path) => ({ path, replace: path === "volume" }));
    return { changes };
  },

  async create(inputs, context) {
    return { id: inputsOf(inputs).container, outputs: await apply(inputs, context) };
  },

  update(_id, _olds, news, context) {
    return apply(news, context);
  },

  async delete(_id, outputs, context) {
    const tenants = await tenantTables(placeOf(context).daemon, inputsOf(outputs).container);
    if (tenants.length === 0) return;
    throw new Error(
      `stacks stand on this platform: ${tenants.map(({ stack }) => stack).join(", ")}. Destroy them first; ` +
        "`fleet stop` stops the fleet and loses nothing.",
    );
  },
};
