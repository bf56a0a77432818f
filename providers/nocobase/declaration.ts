/** `nocobase:index:Declaration`: what a stack file says of its fleet, told to the entry app's control plane. */
import type { CheckFailure, Context, Props, ResourceHandler } from "../kit/types";
import { changedPaths } from "../kit/values";
import {
  commandRegistered,
  listRegistered,
  NocoBaseError,
  pause,
  POLL_MS,
  Session,
  Unreachable,
  until,
  type Call,
} from "./client";
import { routeToHost, type Reached } from "./route";

/** The entry app switches its plugin on when it has started, and reloads for it. */
const PLUGIN_LIMIT_MS = 120_000;
const ACTION = "fleetRegistry:declare";

interface Inputs {
  host: Reached;
  stack: string;
  environments: Props[];
  apps: Props[];
}

async function declare(inputs: Inputs, context: Context): Promise<void> {
  const { host, stack, environments, apps } = inputs;
  const session = sessionOf(host);
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
  if (told) await putBack(session, inputs, context);
  else
    throw new Error(
      `the entry app at ${host.url} has no supervisor after ${PLUGIN_LIMIT_MS / 1000} s; its log tells why: fleet logs entry`,
    );
}

function sessionOf(host: Reached): Session {
  routeToHost(host);
  return new Session(host);
}

/** How long a look at the entry app may take in a preview. Milliseconds. */
const LOOK_LIMIT_MS = 1000;

/**
 * Dedicated apps that people stopped though they are declared running. Those in an environment are the matter of
 * their own resource; these have none but a process, which runs either way.
 */
async function stoppedApps(session: Session, { apps }: Inputs, call: Call): Promise<string[]> {
  const wanted = new Set(apps.flatMap((app) => (isAlwaysRunning(app) ? [String(app.name)] : [])));
  if (wanted.size === 0) return [];
  const { apps: live } = await listRegistered(session, call);
  return live.flatMap(({ name, held }) => (held && wanted.has(name) ? [name] : []));
}

function isAlwaysRunning({ isolation, state }: Props): boolean {
  return isolation === "dedicated" && state === "running";
}

async function putBack(session: Session, inputs: Inputs, context: Context): Promise<void> {
  const { signal } = context;
  for (const name of await stoppedApps(session, inputs, { signal })) {
    context.status(`starting ${name}`);
    await commandRegistered(session, "start", name, { signal, pause: () => pause(POLL_MS, signal) });
  }
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
  diff: async (_id, _outputs, news, _context, oldInputs) => {
    const inputs = news as unknown as Inputs;
    const call = { signal: AbortSignal.timeout(LOOK_LIMIT_MS), patienceMs: 0 };
    const changes = changedPaths(oldInputs, news);
    // A preview works without the entry app.
    const stopped =
      changes.length > 0 ? [] : await stoppedApps(sessionOf(inputs.host), inputs, call).catch(() => []);
    return {
      changes: [
        ...changes.map((path) => ({ path, replace: path === "stack" })),
        ...(stopped.length > 0 ? [{ path: "apps", inputDiff: false }] : []),
      ],
      // Another stack's name takes other rows.
      deleteBeforeReplace: true,
    };
  },
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
    await sessionOf(host)
      .call("POST", ACTION, { signal: context.signal, body: empty, patienceMs: 5000 })
      .catch((error: unknown) => context.warn(`the entry app still shows ${stack}: ${String(error)}`));
  },
};
