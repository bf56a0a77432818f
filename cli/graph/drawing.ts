/** What a drawing of the fleet shows: stacks, what runs in each, and where its databases are. Pure. */
import type { AppSpec, DatabaseServerSpec, FleetSpec } from "../../config/spec";

export interface Drawing {
  /** Platforms before their tenants. */
  stacks: StackDrawing[];
}

export interface StackDrawing {
  name: string;
  /** Tenants only. */
  platformStack?: string;
  /** Address of its gateway; none of a tenant's. */
  gateway?: string;
  hosts: Host[];
  servers: Server[];
}

/** A NocoBase: entry app, environment or dedicated app, with the apps that share it. */
export interface Host {
  id: string;
  label: string;
  kind: "entry" | "environment" | "dedicated";
  replicas: number;
  stopped: boolean;
  apps: SharedApp[];
  /** Ids of the servers that hold its database and its apps'. */
  servers: string[];
}

export interface SharedApp {
  key: string;
  /** The tenant it belongs to; undefined for the stack's own. */
  tenant?: string;
  stopped: boolean;
}

export interface Server {
  id: string;
  label: string;
  kind: DatabaseServerSpec["kind"];
}

/** @param specs of stack files that are in order; tenants whose platform isn't among them hold their shared apps themselves */
export function drawFleet(specs: readonly FleetSpec[]): Drawing {
  const order = [...specs].sort(
    (a, b) =>
      Number(a.platformStack !== undefined) - Number(b.platformStack !== undefined) ||
      (a.stack < b.stack ? -1 : 1),
  );
  const drawings = order.map((spec) => ({ spec, own: stackOf(spec) }));
  const stacks = new Map(drawings.map(({ own }) => [own.name, own]));
  for (const { spec, own } of drawings) {
    const platform =
      spec.platformStack === undefined ? own : stacks.get(spec.platformStack.split("/").at(-1) ?? "");
    for (const [key, app] of Object.entries(spec.apps).sort(byKey)) place(key, app, own, platform ?? own);
  }
  const drawn = [...stacks.values()];
  // A tenant stands below its platform.
  const platforms = drawn.filter(({ platformStack }) => platformStack === undefined);
  const below = (name: string) => drawn.filter(({ platformStack }) => platformStack === name);
  const lone = drawn.filter(
    ({ platformStack }) =>
      platformStack !== undefined && !platforms.some(({ name }) => name === platformStack),
  );
  return { stacks: [...platforms.flatMap((platform) => [platform, ...below(platform.name)]), ...lone] };
}

function stackOf(spec: FleetSpec): StackDrawing {
  const { stack, platformStack, gateway } = spec;
  const tenant = platformStack !== undefined;
  const servers = Object.entries(spec.databaseServers)
    .sort(byKey)
    .map(([key, { kind }]): Server => ({ id: `${stack}/server/${key}`, label: key, kind }));
  const drawing: StackDrawing = {
    name: stack,
    platformStack: platformStack?.split("/").at(-1),
    gateway: tenant ? undefined : `${gateway.domain}:${gateway.port}`,
    hosts: [],
    servers,
  };
  if (tenant) return drawing;
  const host = (key: string, kind: "entry" | "environment", server: string, replicas: number): Host => ({
    ...{ id: `${stack}/${kind}/${key}`, kind, replicas, stopped: false, apps: [] },
    label: kind === "entry" ? "entry app" : `environment ${key}`,
    servers: serverId(server, drawing, drawing),
  });
  const { entry, environments } = spec;
  drawing.hosts.push(host("entry", "entry", entry.database.server, entry.replicas));
  for (const [key, each] of Object.entries(environments).sort(byKey)) {
    drawing.hosts.push(host(key, "environment", each.database.server, each.replicas));
  }
  return drawing;
}

function place(key: string, app: AppSpec, own: StackDrawing, platform: StackDrawing): void {
  const stopped = app.state === "stopped";
  const servers = serverId(app.database.server, own, platform);
  if (app.isolation === "dedicated") {
    const id = `${own.name}/app/${key}`;
    own.hosts.push({
      ...{ id, label: key, kind: "dedicated", replicas: app.replicas, stopped, apps: [], servers },
    });
    return;
  }
  const kind = app.host === "entry" ? "entry" : "environment";
  const id = `${platform.name}/${kind}/${app.host}`;
  let host = platform.hosts.find((each) => each.id === id);
  if (!host) {
    // Its platform isn't drawn.
    host = { id, label: `${kind} ${app.host}`, kind, replicas: 1, stopped: false, apps: [], servers: [] };
    platform.hosts.push(host);
  }
  host.apps.push({ key, tenant: own.platformStack === undefined ? undefined : own.name, stopped });
  for (const server of servers) if (!host.servers.includes(server)) host.servers.push(server);
}

/** The stack's own server of that key, its platform's, or its platform's only one. */
function serverId(key: string, own: StackDrawing, platform: StackDrawing): string[] {
  const found =
    own.servers.find(({ label }) => label === key) ??
    platform.servers.find(({ label }) => label === key) ??
    platform.servers[0];
  return found ? [found.id] : [];
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** `acme · crm` */
export function appLabel({ key, tenant }: SharedApp): string {
  return tenant === undefined ? key : `${tenant} · ${key}`;
}
