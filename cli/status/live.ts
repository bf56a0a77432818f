import { instanceName } from "../../plan/names";
import {
  listApplications,
  listRegistered,
  Session,
  type LiveStatus,
  type Registered,
} from "../../providers/nocobase/client";
import type { LiveState, Operations } from "../../platforms/operations";
import { statusRows, type SharedState, type StackOutputs, type StatusRow } from "./rows";

/** NocoBase's own application states (applications:list) in the fleet's words. */
const APPLICATION_STATES: Record<LiveStatus, LiveState> = {
  running: "running",
  stopped: "stopped",
  initialized: "stopped",
  preparing: "starting",
  initializing: "starting",
  commanding: "starting",
  error: "failed",
  not_found: "missing",
};

/**
 * Asks the platform for its processes, and the fleet's registry for environments and apps; where there is none, or it
 * can't be reached, each host for the apps inside it.
 *
 * @param hosting the stack whose instances host the shared apps: this one, or a tenant's platform stack
 */
export async function liveRows(
  outputs: StackOutputs,
  operations: Operations,
  hosting: StackOutputs = outputs,
): Promise<StatusRow[]> {
  const [parts, registered] = await Promise.all([operations.parts(), registryOf(outputs, operations)]);
  if (registered) return statusRows(outputs, parts, new Map(), registered);
  const hosts = new Set(Object.values(outputs.apps).flatMap((app) => app.environment ?? []));
  const states = await Promise.all(
    [...hosts].map((host) => sharedStates(outputs, hosting, host, operations)),
  );
  return statusRows(outputs, parts, new Map(states.flatMap((map) => [...map])));
}

/** Undefined where the fleet has none, or the entry app doesn't answer: then there is nobody to disagree with. */
async function registryOf(
  { supervisor, entry, credentials }: StackOutputs,
  operations: Operations,
): Promise<Registered | undefined> {
  const signIn = credentials.entry;
  if (supervisor !== "open" || !entry || !signIn) return undefined;
  try {
    const url = await reachable(operations, instanceName("entry", "entry"), entry.instanceUrl);
    const session = new Session({ url, account: signIn.email, password: signIn.password });
    return await listRegistered(session, { patienceMs: 0, timeoutMs: 5000 });
  } catch {
    return undefined;
  }
}

/** Where this machine reaches an instance. */
export async function reachable(operations: Operations, name: string, url: string): Promise<string> {
  return (await operations.addressOf?.(name)) ?? url;
}

async function sharedStates(
  outputs: StackOutputs,
  hosting: StackOutputs,
  host: string,
  operations: Operations,
): Promise<Map<string, SharedState>> {
  const instance = host === "entry" ? hosting.entry : hosting.environments[host];
  const signIn = hosting.credentials[host];
  const here = Object.entries(outputs.apps).filter(([, app]) => app.environment === host);
  if (!instance || !signIn) return new Map();
  try {
    const { email: account, password } = signIn;
    const name = instanceName(host === "entry" ? "entry" : "environment", host);
    const url = await reachable(operations, name, instance.instanceUrl);
    const session = new Session({ url, account, password });
    const applications = await listApplications(session, { timeoutMs: 5000, patienceMs: 0 });
    const live = new Map(applications.map((application) => [application.name, application]));
    return new Map(
      here.map(([key, { name }]) => {
        const application = live.get(name);
        if (!application)
          return [key, { state: "missing", detail: `${host} has no application of this name` }];
        const state = APPLICATION_STATES[application.status];
        return [key, { state, detail: state === "failed" ? `see: fleet logs ${key}` : undefined }];
      }),
    );
  } catch (error) {
    const detail = `${host} doesn't answer: ${error instanceof Error ? error.message : String(error)}`;
    return new Map(here.map(([key]) => [key, { state: "missing", detail }]));
  }
}
