/** The multi-app manager's resource `applications`: what is registered in a host, and how it lives. */
import { apiPath, errorOf, send } from "./http";
import type { Call, Session } from "./session";

/** Live states of NocoBase 2.2's supervisor. */
export type LiveStatus =
  "preparing" | "initializing" | "initialized" | "commanding" | "running" | "stopped" | "error" | "not_found";

export interface ApplicationOptions {
  /** Starts together with the host. */
  autoStart?: boolean;
  dbConnType?: string;
  /** `database.password` is AES-encrypted with the host's APP_SUPERVISOR_AES_SECRET_KEY. */
  encryptedDbPassword?: boolean;
  database?: {
    dialect?: string;
    host?: string;
    port?: number | string;
    username?: string;
    password?: string;
    database?: string;
    schema?: string;
    dialectOptions?: { ssl?: unknown };
  };
  authManager?: { jwt?: { secret?: string } };
}

/** A row of `applications:list`; the only place that tells a live state. */
export interface LiveApplication {
  name: string;
  displayName: string | null;
  cname: string | null;
  status: LiveStatus;
  options: ApplicationOptions | null;
}

export type ApplicationValues = Pick<LiveApplication, "name" | "displayName" | "cname"> & {
  options: ApplicationOptions;
};

interface Page {
  data: LiveApplication[];
  meta?: { totalPage?: number };
}

const PAGE_SIZE = 200;

/** Every application of a host with its live state, by name. Listing wakes none of them. */
export async function listApplications(host: Session, call: Call = {}): Promise<LiveApplication[]> {
  const rows: LiveApplication[] = [];
  for (let page = 1; ; page++) {
    const query = { pageSize: String(PAGE_SIZE), page: String(page), sort: "name" };
    const { data, meta } = await host.call<Page>("GET", "applications:list", { ...call, query });
    rows.push(...data);
    if (page >= (meta?.totalPage ?? 1) || data.length === 0) return rows;
  }
}

/** One application with its live state; undefined where the host has none of that name. */
export async function findApplication(
  host: Session,
  name: string,
  call: Call = {},
): Promise<LiveApplication | undefined> {
  const query = { pageSize: "1", filter: JSON.stringify({ name }) };
  const { data } = await host.call<Page>("GET", "applications:list", { ...call, query });
  return data[0];
}

/** Registers an application; NocoBase starts it only when asked. Not repeated on a broken connection: look first. */
export async function createApplication(
  host: Session,
  values: ApplicationValues,
  call: Call = {},
): Promise<void> {
  await host.call("POST", "applications:create", { ...call, body: values, repeatable: false });
}

/** Replaces what is registered. `options` counts as a whole: what isn't sent is dropped. */
export async function updateApplication(
  host: Session,
  values: ApplicationValues,
  call: Call = {},
): Promise<void> {
  const { name: filterByTk, ...body } = values;
  await host.call("POST", "applications:update", { ...call, query: { filterByTk }, body });
}

/** Asks for a start and returns at once. */
export async function startApplication(host: Session, name: string, call: Call = {}): Promise<void> {
  await host.call("POST", "applications:start", { ...call, query: { filterByTk: name } });
}

/** Asks for a stop and returns at once. While the application is still starting, NocoBase loses sight of it instead. */
export async function stopApplication(host: Session, name: string, call: Call = {}): Promise<void> {
  await host.call("POST", "applications:stop", { ...call, query: { filterByTk: name } });
}

/** Takes an application out of the host; database and files stay. Unknown names are no error. */
export async function destroyApplication(host: Session, name: string, call: Call = {}): Promise<void> {
  await host.call("POST", "applications:destroy", { ...call, query: { filterByTk: name } });
}

export interface Health {
  ok: boolean;
  /** What NocoBase says while it isn't well, e.g. `Unable to connect to the database: …`; may be empty. */
  text: string;
}

/**
 * Asks an application whether it answers. A stopped one is woken by this: ask only those that run, start or
 * have failed.
 */
export async function applicationHealth(host: Session, name: string, call: Call = {}): Promise<Health> {
  const reply = await send(host.url, apiPath("__health_check", name), {
    timeoutMs: call.timeoutMs ?? 10_000,
    signal: call.signal,
  });
  const error = errorOf(reply);
  const silent = !error || error.message.startsWith("HTTP status ");
  return { ok: !error && reply.body === "ok", text: silent ? "" : error.message };
}
