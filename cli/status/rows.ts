/** Joins what the stack declares with what is live. */
import type * as pulumi from "@pulumi/pulumi";
import type { FleetOutputs } from "../../components/fleet";
import type { AppState } from "../../plan/types";
import type { Registered, RegisteredState } from "../../providers/nocobase/client";
import type { LivePart, LiveState } from "../../platforms/operations";

type AllOutputs = pulumi.Unwrap<FleetOutputs>;

/** The stack's outputs as the engine gives them back: a fleet's, or a tenant's, which has no entry app. */
export interface StackOutputs extends Pick<
  AllOutputs,
  "platform" | "url" | "environments" | "apps" | "credentials"
> {
  topology?: string;
  supervisor?: string;
  entry?: AllOutputs["entry"];
  /** Tenants only: the stack that its apps run on. */
  platformStack?: string;
}
type InstanceOutput = AllOutputs["entry"];
type AppOutput = StackOutputs["apps"][string];

/** `unavailable`: it is silent, and its platform doesn't know why; `pending`: its process has not told of it yet. */
export type ShownState = LiveState | "unavailable" | "pending";

/** One line of `fleet status`. */
export interface StatusRow {
  name: string;
  kind: "database server" | "gateway" | "entry app" | "environment" | "app";
  isolation: "shared" | "dedicated" | null;
  /** What hosts a shared app: `entry` or an environment's key. */
  environment: string | null;
  /** What the stack file asks for. */
  declared: AppState;
  state: ShownState;
  /** What the registry says, word for word as the entry app shows it; null where there is no such word. */
  registered: RegisteredState | "available" | null;
  /** False where something that should run doesn't. */
  ok: boolean;
  url: string | null;
  database: string | null;
  release: string | null;
  /** Replicas that take requests, and how many are declared; null for what isn't an instance. */
  replicas: { ready: number; wanted: number } | null;
  restarts: number | null;
  /** Why the last restart was. */
  lastExit: string | null;
  memoryMiB: number | null;
  detail: string | null;
}

/** State of a shared app inside its host. */
export interface SharedState {
  state: LiveState;
  detail?: string;
}

/**
 * Rows in the order servers, gateway, entry app, environments, apps.
 *
 * @param shared states of the shared apps by key; a missing one is taken as missing
 * @param registered the fleet's registry, whose word on environments and apps counts
 */
export function statusRows(
  outputs: StackOutputs,
  parts: readonly LivePart[],
  shared: ReadonlyMap<string, SharedState>,
  registered?: Registered,
): StatusRow[] {
  const rows = unregisteredRows(outputs, parts, shared);
  return registered ? rows.map((row) => asRegistered(row, rows, registered)) : rows;
}

/**
 * A row as the registry has it. Where that hears nothing of a process, its platform may know why, and says it more
 * exactly; the two are never in contradiction.
 */
function asRegistered(row: StatusRow, rows: readonly StatusRow[], registered: Registered): StatusRow {
  if (row.kind === "environment") {
    const found = registered.environments.find(({ name }) => name === row.name);
    if (!found) return row;
    const state = found.state === "available" ? "running" : silent(row);
    return { ...row, registered: found.state, state, ok: row.ok && state === "running" };
  }
  const found = row.kind === "app" ? registered.apps.find(({ name }) => name === row.name) : undefined;
  if (!found) return row;
  const host = row.isolation === "shared" ? rows.find(({ name }) => name === row.environment) : row;
  const state = found.state === "unavailable" || isTakenAway(host) ? silent(host) : found.state;
  return {
    ...row,
    registered: found.state,
    state,
    ok: isAsDeclared(state, row.declared) && hasReplicas(row, state),
    detail: found.lastError ?? (row.isolation === "shared" ? null : row.detail),
  };
}

/** The registry hears of it with its next look at the process, which may still be letting requests end. */
function isTakenAway(host: StatusRow | undefined): boolean {
  return host?.state === "stopped" || host?.state === "held";
}

function silent(host: StatusRow | undefined): ShownState {
  return host === undefined || host.state === "running" ? "unavailable" : host.state;
}

function hasReplicas({ replicas }: StatusRow, state: ShownState): boolean {
  return state !== "running" || replicas === null || replicas.ready >= replicas.wanted;
}

function unregisteredRows(
  outputs: StackOutputs,
  parts: readonly LivePart[],
  shared: ReadonlyMap<string, SharedState>,
): StatusRow[] {
  const byName = new Map(parts.map((part) => [part.name, part]));
  return [
    ...parts
      .filter((part) => part.kind !== "instance")
      .map((part) => infrastructureRow(part, part.kind === "gateway" ? outputs.url : null)),
    ...(outputs.entry ? [instanceRow("entry", "entry app", outputs.entry, byName.get("entry"))] : []),
    ...Object.entries(outputs.environments).map(([key, output]) =>
      instanceRow(key, "environment", output, byName.get(`env-${key}`)),
    ),
    ...Object.entries(outputs.apps).map(([key, app]) =>
      app.isolation === "dedicated"
        ? { ...instanceRow(key, "app", app, byName.get(`app-${app.name}`)), isolation: "dedicated" as const }
        : sharedRow(key, app, shared.get(key)),
    ),
  ];
}

/** True where something that should run doesn't. */
export function isDegraded(rows: readonly StatusRow[]): boolean {
  return rows.some((row) => !row.ok);
}

function infrastructureRow(part: LivePart, url: string | null): StatusRow {
  return {
    name: part.name,
    kind: part.kind === "gateway" ? "gateway" : "database server",
    isolation: null,
    environment: null,
    declared: "running",
    url,
    database: null,
    release: null,
    replicas: null,
    registered: null,
    ...live(part, "running"),
  };
}

function isAsDeclared(state: ShownState, declared: AppState): boolean {
  if (declared === "operator") return state === "running" || state === "stopped";
  return declared === "running" ? state === "running" : state === "stopped" || state === "held";
}

function instanceRow(
  name: string,
  kind: StatusRow["kind"],
  output: InstanceOutput,
  part: LivePart | undefined,
): StatusRow {
  const declared = output.state as AppState;
  const replicas = {
    ready: part?.replicas?.ready ?? 0,
    wanted: declared === "stopped" ? 0 : output.replicas,
  };
  const found = live(part, declared);
  return {
    name,
    kind,
    isolation: null,
    environment: null,
    declared,
    url: output.url,
    database: output.database,
    release: output.release,
    replicas,
    registered: null,
    ...found,
    ok: found.ok && replicas.ready >= replicas.wanted,
  };
}

function live(
  part: LivePart | undefined,
  declared: AppState,
): Pick<StatusRow, "state" | "ok" | "restarts" | "lastExit" | "memoryMiB" | "detail"> {
  const state = part?.state ?? "missing";
  return {
    state,
    ok: isAsDeclared(state, declared),
    restarts: part?.restarts ?? null,
    lastExit: part?.lastExit ?? null,
    memoryMiB: part?.memoryMiB ?? null,
    detail: part?.lastError ?? null,
  };
}

function sharedRow(name: string, app: AppOutput, found: SharedState | undefined): StatusRow {
  const declared = app.state as AppState;
  const state = found?.state ?? "missing";
  return {
    name,
    kind: "app",
    isolation: "shared",
    environment: app.environment,
    declared,
    state,
    ok: isAsDeclared(state, declared),
    url: app.url,
    database: app.database,
    release: app.release,
    replicas: null,
    registered: null,
    restarts: null,
    lastExit: null,
    memoryMiB: null,
    detail: found?.detail ?? null,
  };
}
