import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { changedPaths } from "../../kit/values";
import { UNKNOWN, type Context, type Props, type ResourceHandler } from "../../kit/types";
import type { GatewayRoute } from "../gateway/routes";
import {
  readTenantTables,
  revisionOf,
  routeClashes,
  tenantFile,
  tenantFolder,
  type RouteOwner,
  type TenantTable,
} from "../gateway/tenants";
import { ensureFolder, readTextIfExists, writeFileIfChanged } from "../support/files";
import { tryLock, type Lock } from "../support/lock";
import { failuresOf, hasUnknown, isText, rootOf } from "./context";
import { gatewayRevision, platformRoutes } from "./gateway";

const LOCK_LIMIT_MS = 30_000;
const RELOAD_LIMIT_MS = 15_000;

interface TenantRoutesInputs {
  stack: string;
  platformRoot: string;
  gateway: { host: string; port: number };
  routes: GatewayRoute[];
}

function inputsOf(props: Props): TenantRoutesInputs {
  const { stack, platformRoot, gateway, routes } = props as unknown as TenantRoutesInputs;
  return { stack, platformRoot, gateway, routes };
}

function textOf(root: string, { stack, routes }: TenantRoutesInputs): string {
  const table: TenantTable = { stack, root, routes };
  return JSON.stringify(table, undefined, 1);
}

/** What other stacks have already of these routes, one sentence each. */
function clashesOf(root: string, { stack, platformRoot, routes }: TenantRoutesInputs): string[] {
  const tables = readTenantTables(tenantFolder(platformRoot), () => undefined);
  const namesake = tables.find((table) => table.stack === stack && table.root !== root);
  if (namesake) {
    return [
      `a stack ${stack} with its data in ${namesake.root} has apps on this platform already; rename one`,
    ];
  }
  const others: RouteOwner[] = [
    { name: "the platform", routes: platformRoutes(platformRoot) },
    ...tables
      .filter((table) => table.stack !== stack)
      .map((table) => ({ name: `stack ${table.stack}`, routes: table.routes })),
  ];
  return routeClashes({ name: `stack ${stack}`, routes }, others);
}

async function apply(props: Props, context: Context): Promise<Props> {
  const root = rootOf(context);
  const inputs = inputsOf(props);
  const { platformRoot, stack, gateway } = inputs;
  const text = textOf(root, inputs);
  const lock = await lockRoutes(platformRoot, context);
  try {
    const clashes = clashesOf(root, inputs);
    if (clashes.length > 0) throw new Error(clashes.join("\n"));
    ensureFolder(tenantFolder(platformRoot));
    writeFileIfChanged(tenantFile(platformRoot, stack), text);
  } finally {
    await lock.release();
  }
  await untilInForce(gateway, stack, revisionOf(text), context);
  return { ...props };
}

/** Two stacks that come up side by side must not both find a host free. */
async function lockRoutes(platformRoot: string, { signal }: Context): Promise<Lock> {
  const limit = Date.now() + LOCK_LIMIT_MS;
  for (;;) {
    const lock = await tryLock(`tenant routes of ${path.resolve(platformRoot)}`);
    if (lock) return lock;
    if (Date.now() > limit) throw new Error(`the routes of ${platformRoot} are locked by another run`);
    await sleep(50, undefined, { signal });
  }
}

async function untilInForce(
  gateway: TenantRoutesInputs["gateway"],
  stack: string,
  revision: string,
  context: Context,
): Promise<void> {
  const limit = Date.now() + RELOAD_LIMIT_MS;
  for (;;) {
    const found = await gatewayRevision(gateway, context.signal, stack);
    if (found === revision) return;
    if (found === undefined) {
      context.warn("The platform's gateway doesn't run; it takes these routes over when it starts.");
      return;
    }
    if (Date.now() > limit) {
      throw new Error(
        `the platform's gateway didn't take the routes of ${stack} over within ${RELOAD_LIMIT_MS / 1000} s; ` +
          "see: fleet logs gateway, of the platform stack",
      );
    }
    await sleep(50, undefined, { signal: context.signal });
  }
}

/** `nocobase-local:index:TenantRoutes`. */
export const tenantRoutes: ResourceHandler = {
  check(news, _olds, context) {
    const failures = failuresOf(news, { stack: isText, platformRoot: isText });
    const { routes, platformRoot, stack } = news;
    if (failures.length === 0 && Array.isArray(routes) && platformRoot !== UNKNOWN && stack !== UNKNOWN) {
      const clashes = clashesOf(rootOf(context), inputsOf(news));
      failures.push(...clashes.map((reason) => ({ property: "routes", reason })));
    }
    return { inputs: news, failures };
  },

  diff(_id, _olds, news, context, oldInputs) {
    const changes = changedPaths(oldInputs, news).map((each) => ({
      path: each,
      replace: each === "stack" || each === "platformRoot",
    }));
    if (changes.length > 0 || hasUnknown(news)) return { changes, deleteBeforeReplace: true };
    const inputs = inputsOf(news);
    const written = readTextIfExists(tenantFile(inputs.platformRoot, inputs.stack));
    const whole = written === textOf(rootOf(context), inputs);
    return { changes: whole ? [] : [{ path: "routes", inputDiff: false }] };
  },

  async create(inputs, context) {
    return { id: inputsOf(inputs).stack, outputs: await apply(inputs, context) };
  },

  update(_id, _olds, news, context) {
    return apply(news, context);
  },

  read(id, outputs, _context, inputs) {
    const { platformRoot, stack } = inputsOf(outputs);
    const there = fs.existsSync(tenantFile(platformRoot, stack));
    return Promise.resolve({ id: there ? id : undefined, outputs, inputs });
  },

  delete(_id, outputs) {
    const { platformRoot, stack } = inputsOf(outputs);
    fs.rmSync(tenantFile(platformRoot, stack), { force: true });
    return Promise.resolve();
  },
};
