/** What the entry app's control plane knows of the fleet: the collections of `plugins/supervisor`. */
import type { Call, Session } from "./session";

/** `unavailable`: the process that runs it is silent; `pending`: that process has not told of it yet. */
export type RegisteredState = "running" | "starting" | "stopped" | "failed" | "unavailable" | "pending";

export interface RegisteredApp {
  readonly name: string;
  readonly title: string;
  readonly state: RegisteredState;
  /** Stopped on purpose. */
  readonly held: boolean;
  readonly declaredState: string;
  readonly isolation: string;
  readonly environmentName: string | null;
  readonly release: string;
  readonly url: string;
  /** Processes that serve it. */
  readonly replicas: number;
  readonly lastError: string | null;
}

export interface RegisteredEnvironment {
  readonly name: string;
  readonly state: "available" | "unavailable";
  readonly release: string;
  readonly url: string;
}

export interface Registered {
  readonly environments: readonly RegisteredEnvironment[];
  readonly apps: readonly RegisteredApp[];
}

/** Reads both collections whole. */
export async function listRegistered(entry: Session, call: Call = {}): Promise<Registered> {
  const all = { ...call, query: { paginate: "false", sort: "name" } };
  const environments = await entry.call<{ data: RegisteredEnvironment[] }>("GET", "environments:list", all);
  const apps = await entry.call<{ data: RegisteredApp[] }>("GET", "applications:list", all);
  return { environments: environments.data, apps: apps.data };
}

/** Commands an application and waits until that has come of it. @throws Error with what kept it from that */
export async function commandRegistered(
  entry: Session,
  action: "start" | "stop" | "restart",
  name: string,
  call: Call & { pause: () => Promise<void> },
): Promise<void> {
  const { pause, ...rest } = call;
  const query = { filterByTk: name };
  const given = await entry.call<{ data: { requestId: string }[] }>("POST", `applications:${action}`, {
    ...rest,
    query,
    body: {},
  });
  const id = given.data[0]?.requestId ?? "";
  for (;;) {
    const { data } = await entry.call<{
      data?: { outcome: string; finishedAt: string | null; error: string };
    }>("GET", "applicationCommands:get", { ...rest, query: { filterByTk: id } });
    if (data?.outcome === "done") return;
    if (data?.finishedAt) throw new Error(`${action} ${name}: ${data.error}`);
    await pause();
  }
}
