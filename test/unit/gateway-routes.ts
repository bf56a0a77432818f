import type { GatewayRoute, RoutingTable } from "../../providers/local/gateway/routes";
import type { CompiledTable } from "../../providers/local/gateway/compiled";
import { readTable } from "../../providers/local/gateway/table";

const BLUE = "http://127.0.0.1:21001";
export const ENTRY: GatewayRoute = {
  key: "entry",
  kind: "entry",
  title: "Fleet",
  hosts: ["fleet.test"],
  target: "http://127.0.0.1:21000",
  state: "running",
};

export function routeOf(
  key: string,
  isolation: "shared" | "dedicated",
  more: Partial<GatewayRoute> = {},
): GatewayRoute {
  const target = isolation === "shared" ? BLUE : `http://127.0.0.1:22${String(key.length).padStart(3, "0")}`;
  return {
    key,
    kind: "app",
    title: key,
    isolation,
    hosts: [`${key}.fleet.test`],
    target,
    state: "running",
    ...more,
  };
}

export const ROUTES: GatewayRoute[] = [
  ENTRY,
  {
    key: "blue",
    kind: "environment",
    title: "Blue",
    hosts: ["blue.fleet.test"],
    target: BLUE,
    state: "running",
  },
  routeOf("crm", "shared", { hosts: ["crm.fleet.test", "sales.example.com"] }),
  routeOf("support", "shared"),
  routeOf("asleep", "shared", { state: "stopped" }),
  routeOf("erp", "dedicated"),
];

export function tableOf(routes: GatewayRoute[], more: Partial<RoutingTable> = {}): CompiledTable {
  const table = { host: "127.0.0.1", port: 13000, domain: "fleet.test", uploadLimitMiB: 10, routes, ...more };
  return readTable(JSON.stringify(table));
}

export const table = tableOf(ROUTES);
