/** A routing table that is ready for the router. */
import type { GatewayRoute, RoutingTable } from "./routes";

/** A routing table that was checked, with the look-ups the router needs. */
export interface CompiledTable {
  readonly table: RoutingTable;
  /** Routes that own a host name of their own: apps and environments. */
  readonly byHost: ReadonlyMap<string, GatewayRoute>;
  /** Host names of the entry app, besides IP addresses and `localhost`. */
  readonly baseHosts: ReadonlySet<string>;
  readonly apps: ReadonlyMap<string, GatewayRoute>;
  readonly entry: GatewayRoute | undefined;
  /** SHA-256 of the file's text, hex: tells a writer which table is in force. */
  readonly revision: string;
  /** The same of each tenant's file that was added, by stack. */
  readonly tenantRevisions: ReadonlyMap<string, string>;
}

/** NocoBase's name of the one app of a stand-alone instance, and of the hosting app elsewhere. */
export const MAIN_APP = "main";

/** Look-ups of a table that was checked. */
export function compile(table: RoutingTable, revision: string): CompiledTable {
  const own = table.routes.filter((route) => route.kind !== "entry");
  const entry = table.routes.find((route) => route.kind === "entry");
  return {
    table,
    revision,
    tenantRevisions: new Map(),
    entry,
    byHost: new Map(own.flatMap((route) => route.hosts.map((host) => [host, route] as const))),
    baseHosts: new Set([table.domain, ...(entry?.hosts ?? [])]),
    apps: new Map(own.filter((route) => route.kind === "app").map((route) => [route.key, route])),
  };
}
