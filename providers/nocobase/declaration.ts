/** `nocobase:index:Declaration`: what a stack file says of its fleet, told to the entry app's control plane. */
import type { CheckFailure, Context, Props, ResourceHandler } from "../kit/types";
import { changedPaths } from "../kit/values";
import { NocoBaseError, Session, Unreachable, until, type Account, type Call } from "./client";

/** The entry app switches its plugin on when it has started, and reloads for it. */
const PLUGIN_LIMIT_MS = 120_000;
const ACTION = "fleetRegistry:declare";

interface Inputs {
  host: Account;
  stack: string;
  environments: Props[];
  apps: Props[];
}

async function declare(inputs: Inputs, context: Context): Promise<void> {
  const { host, stack, environments, apps } = inputs;
  const session = new Session(host);
  const call: Call = { signal: context.signal, body: { stack, environments, apps } };
  const told = await until(
    async () => {
      try {
        await session.call("POST", ACTION, call);
        return true;
      } catch (error) {
        if (!isSoon(error)) throw error;
        context.status("waiting for the entry app's supervisor");
        return undefined;
      }
    },
    { everyMs: 500, limitMs: PLUGIN_LIMIT_MS, signal: context.signal },
  );
  if (!told)
    throw new Error(
      `the entry app at ${host.url} has no supervisor after ${PLUGIN_LIMIT_MS / 1000} s; its log tells why: fleet logs entry`,
    );
}

/** No such resource yet, or in the middle of the reload, or before the registry is made. */
function isSoon(error: unknown): boolean {
  if (error instanceof Unreachable) return true;
  return error instanceof NocoBaseError && (error.status === 404 || error.status >= 500 || error.passing);
}

function checked(news: Props): CheckFailure[] {
  return ["host", "stack", "environments", "apps"]
    .filter((property) => news[property] === undefined)
    .map((property) => ({ property, reason: "is missing" }));
}

/** `nocobase:index:Declaration`. */
export const declaration: ResourceHandler = {
  computed: [],
  check: (news) => ({ inputs: news, failures: checked(news) }),
  diff: (_id, _outputs, news, _context, oldInputs) => ({
    changes: changedPaths(oldInputs, news).map((path) => ({ path, replace: path === "stack" })),
    // Another stack's name takes other rows.
    deleteBeforeReplace: true,
  }),
  create: async (news, context) => {
    await declare(news as unknown as Inputs, context);
    return { id: String(news.stack), outputs: news };
  },
  update: async (_id, _olds, news, context) => {
    await declare(news as unknown as Inputs, context);
    return news;
  },
  read: (id, outputs, _context, inputs) => Promise.resolve({ id, outputs, inputs }),
  delete: async (_id, outputs, context) => {
    const { host, stack } = outputs as unknown as Inputs;
    const empty = { stack, environments: [], apps: [] };
    await new Session(host)
      .call("POST", ACTION, { signal: context.signal, body: empty, patienceMs: 5000 })
      .catch((error: unknown) => context.warn(`the entry app still shows ${stack}: ${String(error)}`));
  },
};
