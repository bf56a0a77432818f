/** The Docker daemon that a provider speaks to, and what a user is told where it refuses. */
import type Docker from "dockerode";
import type { Props } from "../../../providers/kit/types";
import { daemonConfig, type DaemonConfig } from "./config";

export interface Daemon {
  docker: Docker;
  /** As the user writes it, for messages. */
  address: string;
  config: DaemonConfig;
}

const daemons = new Map<string, Daemon>();

/** The daemon of a provider's configuration; one client for each. */
export function daemonOf(config: Props): Daemon {
  const key = JSON.stringify([config.host, config.registryAuth, process.env.DOCKER_HOST]);
  const known = daemons.get(key);
  if (known) return known;
  const settings = daemonConfig(config);
  const daemon = { docker: clientOf(settings.host), address: settings.host, config: settings };
  daemons.set(key, daemon);
  return daemon;
}

function clientOf(host: string): Docker {
  // Takes its time to load, and only fleets in Docker need it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- callers can't wait for an import()
  const Client = require("dockerode") as typeof import("dockerode");
  if (host.startsWith("unix://")) return new Client({ socketPath: host.slice("unix://".length) });
  const { hostname, port } = new URL(host);
  return new Client({ protocol: "http", host: hostname, port });
}

interface Refusal {
  /** HTTP status, undefined where the daemon was not reached. */
  status: number | undefined;
  /** The operating system's word, e.g. `ENOENT`. */
  code: string | undefined;
  message: string;
}

/** The parts of what the Docker client throws. */
export function refusalOf(error: unknown): Refusal {
  const { statusCode, code, json, message } = error as {
    statusCode?: unknown;
    code?: unknown;
    json?: { message?: unknown };
    message?: unknown;
  };
  const text = typeof json?.message === "string" ? json.message : message;
  return {
    status: typeof statusCode === "number" ? statusCode : undefined,
    code: typeof code === "string" ? code : undefined,
    message: typeof text === "string" ? text.trim() : String(error),
  };
}

export function isMissing(error: unknown): boolean {
  return refusalOf(error).status === 404;
}

/** What `ask` finds, undefined where there is no such thing. */
export async function found<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Asks the daemon; what it refuses becomes an error that says what was to be done, and where.
 * @param doing e.g. `create the network crm`
 */
export async function explained<T>(doing: string, daemon: Daemon, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw daemonError(error, doing, daemon.address);
  }
}

function daemonError(error: unknown, doing: string, address: string): Error {
  const { status, code, message } = refusalOf(error);
  switch (code) {
    case "ECONNREFUSED":
    case "ENOENT":
    case "ECONNRESET":
    case "EPIPE":
      return new Error(
        `Can't ${doing}: no Docker daemon answers at ${address} (${code}). Start it, or correct the provider's ` +
          "host or DOCKER_HOST.",
      );
    case "EACCES":
    case "EPERM":
      return new Error(
        `Can't ${doing}: this user may not open ${address}. Add it to the group docker, or run a rootless daemon.`,
      );
  }
  if (status === undefined && !(error instanceof Error)) return new Error(message);
  if (status === undefined) return error as Error;
  const hint = hintFor(message);
  return new Error(`Can't ${doing} on ${address}: ${message}${hint ? `. ${hint}` : ""}`);
}

function hintFor(message: string): string | undefined {
  if (/port is already allocated|address already in use/.test(message)) {
    return "Another container or program has that port: give this one another, or stop the other.";
  }
  if (message.includes("rootfs is marked read-only")) {
    return (
      "Docker puts no uploads into a container with a read-only root: bring the files in a volume that another, " +
      "never started container uploads them to."
    );
  }
  if (/pool overlaps|non-overlapping IPv4 address pool/.test(message)) {
    return "The daemon has no free range of addresses: remove unused networks, or give ipamConfigs.";
  }
  return undefined;
}

/** Labels of a resource's inputs or outputs, by name. */
export function labelsOf(labels: unknown): Record<string, string> {
  if (!Array.isArray(labels)) return {};
  return Object.fromEntries(
    (labels as { label: string; value: string }[]).map(({ label, value }) => [label, value]),
  );
}

export function labelList(labels: Readonly<Record<string, string>> | null | undefined): Props[] {
  return Object.entries(labels ?? {}).map(([label, value]) => ({ label, value }));
}

/**
 * Whether something that is there already was made by an earlier, interrupted create of the very same resource:
 * it has every label that the resource is to have. Without labels nothing tells.
 */
export function isLeftover(found: Readonly<Record<string, string>> | null, wanted: unknown): boolean {
  const labels = Object.entries(labelsOf(wanted));
  return labels.length > 0 && labels.every(([label, value]) => found?.[label] === value);
}

/** @param id what to import it by */
export function existsError(kind: string, name: string, daemon: Daemon, token: string, id: string): Error {
  return new Error(
    `There is a ${kind} ${name} on ${daemon.address} already, made by someone else. It is never taken over ` +
      `silently: choose another name, remove it, or adopt it with \`pulumi import ${token} NAME_IN_PROGRAM ${id}\`.`,
  );
}
