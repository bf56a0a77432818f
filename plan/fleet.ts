/** Fleet spec → fleet plan. Pure, linear in the number of apps; the order of keys never matters. */
import type { AppSpec, CommonSpec, DatabaseServerSpec, FleetSpec, InstanceSpec } from "../config/spec";
import { platformCapabilities } from "../platforms/capabilities";
import { clusterEnvironment, defaultEnvironment } from "./environment-variables";
import { deepFreeze } from "./freeze";
import {
  databaseName,
  instanceName,
  namespaceName,
  postgresCluster,
  registryName,
  replicaName,
  serverName,
  tenantAppName,
  type OwnerKind,
} from "./names";
import { officialSupervision } from "./official-supervisor";
import { derivedPort, podPort, replicaPorts } from "./ports";
import { publicUrl, type Front } from "./public-url";
import type {
  AppPlan,
  DatabasePlan,
  DatabaseServerPlan,
  DeclaredState,
  FleetPlan,
  GatewayPlan,
  InstancePlan,
  KubernetesPlan,
  FleetRegistryPlan,
  RootUserPlan,
  RoutePlan,
  Supervisor,
  Topology,
} from "./types";

const loopback = "127.0.0.1";
/** NocoBase's own nickname for the root user. */
const rootNickname = "Super Admin";

/** Everything that follows from a spec. Deeply frozen; equal specs give equal plans, key order included. */
export function planFleet(spec: FleetSpec): FleetPlan {
  // Whether the entry app hosts apps is the one thing of its plan that follows from the apps.
  const entry = planInstance(spec, "entry", "entry", spec.entry, "running", entryHostsApps(spec));
  const environments = mapSorted(spec.environments, (environment, key) =>
    planInstance(spec, "environment", key, environment, "running", supervisorOf(spec) !== "official"),
  );
  const apps = mapSorted(spec.apps, (app, key) => planApp(spec, key, app));
  const instances = [
    entry,
    ...Object.values(environments),
    ...Object.values(apps).flatMap(({ instance }) => instance ?? []),
  ];
  return deepFreeze({
    stack: spec.stack,
    platform: spec.platform,
    topology: topologyOf(spec),
    supervisor: supervisorOf(spec),
    ...(supervisorOf(spec) === "open" ? { registry: planRegistry(spec) } : {}),
    releases: [...new Set(instances.map(({ release }) => release))].sort(),
    images: spec.images,
    registries: spec.registries,
    gateway: planGateway(spec, entry, environments, apps),
    ...(spec.platform === "kubernetes" ? { kubernetes: planKubernetes(spec) } : {}),
    databaseServers: mapSorted(spec.databaseServers, (server, key) => planServer(spec, key, server)),
    entry,
    environments,
    apps,
  });
}

/** What the declarations amount to. */
export function topologyOf(spec: FleetSpec): Topology {
  const apps = Object.values(spec.apps);
  if (Object.keys(spec.environments).length > 0 || apps.some(({ isolation }) => isolation === "dedicated")) {
    return "hybrid";
  }
  return apps.length > 0 ? "shared" : "single";
}

/** As chosen; else `open` wherever there is something to control and the entry app's process is its own. */
export function supervisorOf(spec: FleetSpec): Supervisor {
  if (spec.platformStack !== undefined) return "none";
  if (spec.supervisor !== undefined) return spec.supervisor;
  const possible =
    platformCapabilities[spec.platform].supervisors.includes("open") &&
    !entryHostsApps(spec) &&
    !isEntryOperated(spec);
  return possible && hasPlugins(spec) && topologyOf(spec) === "hybrid" ? "open" : "none";
}

/** Whether the NocoBase that runs has this project's plugins: its makers' images don't. */
export function hasPlugins({ platform, images }: FleetSpec): boolean {
  return platform !== "docker" || images.source === "local";
}

/** Whether shared apps run in the entry app's own process. */
export function entryHostsApps(spec: FleetSpec): boolean {
  return Object.values(spec.apps).some((app) => app.isolation === "shared" && app.host === "entry");
}

/** Whether the entry app's server is CloudNativePG's, where the registry can't be made. */
export function isEntryOperated({ entry, databaseServers }: FleetSpec): boolean {
  const { server } = entry.database;
  return Object.hasOwn(databaseServers, server) && databaseServers[server]?.kind === "cloudnativepg";
}

function planRegistry(spec: FleetSpec): FleetRegistryPlan {
  const dedicated = Object.entries(spec.apps).flatMap(([key, app]) =>
    app.isolation === "dedicated" ? [key] : [],
  );
  const members = [...Object.keys(spec.environments), ...dedicated];
  return {
    server: spec.entry.database.server,
    name: registryName(spec.stack, "entry"),
    members: mapSorted(Object.fromEntries(members.map((key) => [key, key])), (key) =>
      registryName(spec.stack, key),
    ),
  };
}

function planServer(spec: FleetSpec, key: string, server: DatabaseServerSpec): DatabaseServerPlan {
  const name = serverName(key);
  if (server.kind === "external") return { ...server, key, name };
  if (server.kind === "cloudnativepg") {
    const namespace = namespaceName(spec.stack, name);
    const host = `${postgresCluster}-rw.${namespace}.svc`;
    return { ...server, key, name, namespace, host, port: 5432, sslMode: "require" };
  }
  return {
    kind: "managed",
    key,
    name,
    host: loopback,
    port: server.port ?? derivedPort(spec.stack, name),
    adminUser: "postgres",
    maxConnections: server.maxConnections,
  };
}

function planInstance(
  spec: FleetSpec,
  kind: OwnerKind,
  key: string,
  instance: InstanceSpec,
  state: DeclaredState,
  hostsApps: boolean,
): InstancePlan {
  const name = instanceName(kind, key);
  const ports = portsOf(spec, name, instance);
  const replicas = ports.map((each, index) => ({ name: replicaName(name, index + 1), port: each }));
  const [port = derivedPort(spec.stack, name)] = ports;
  const root = planRoot(instance);
  const supervised = supervisedPart(spec, kind);
  // Read by NocoBase at its first start only.
  const firstUser = { INIT_ROOT_EMAIL: root.email, INIT_ROOT_NICKNAME: root.nickname };
  // Also where there is one: a second replica then starts beside it, and nothing starts anew.
  const cluster = hostsApps || supervised ? {} : clusterEnvironment;
  const supervision: Record<string, string> = supervised
    ? officialSupervision(supervised, key, frontOf(spec), instance.env)
    : supervisorOf(spec) === "open"
      ? { FLEET_SUPERVISOR_ROLE: kind, FLEET_SUPERVISOR_NAME: key }
      : {};
  return {
    key,
    kind,
    name,
    title: instance.title,
    release: instance.release,
    state,
    host: loopback,
    port,
    url: `http://${loopback}:${port}`,
    replicas,
    resources: instance.resources,
    database: planDatabase(spec, key, instance),
    root,
    env: mapSorted(
      { ...defaultEnvironment, ...instance.env, ...cluster, ...supervision, ...firstUser },
      (value) => value,
    ),
    secretEnv: instance.secretEnv,
    hostsApps,
    ...(supervised ? { supervised } : {}),
    deletion: instance.deletion,
    ...(instance.heapLimitMiB === undefined ? {} : { heapLimitMiB: instance.heapLimitMiB }),
    ...(spec.platform === "kubernetes"
      ? { autoscale: instance.autoscale, placement: instance.placement }
      : {}),
  };
}

function portsOf({ platform, stack }: FleetSpec, name: string, { replicas, port }: InstanceSpec): number[] {
  if (platform !== "kubernetes") return replicaPorts(stack, name, replicas, port);
  return Array.from({ length: replicas }, () => port ?? podPort);
}

function supervisedPart(spec: FleetSpec, kind: OwnerKind): InstancePlan["supervised"] {
  if (supervisorOf(spec) !== "official" || kind === "app") return undefined;
  return kind === "entry" ? "supervisor" : "worker";
}

function planApp(spec: FleetSpec, key: string, app: AppSpec): AppPlan {
  const name = spec.platformStack === undefined ? key : tenantAppName(spec.stack, key);
  const hosts = [`${name}.${spec.gateway.domain}`, ...app.domains];
  const common = {
    key,
    name,
    title: app.title,
    state: app.state,
    hosts,
    url: publicUrl(frontOf(spec), hosts[0]),
    database: planDatabase(spec, key, app),
    root: planRoot(app),
    deletion: app.deletion,
  };
  if (app.isolation === "dedicated") {
    return {
      ...common,
      isolation: "dedicated",
      placement: "dedicated",
      startMode: "auto",
      release: app.release,
      // One that is left to people has its process, in which they stop and start it.
      instance: {
        ...planInstance(spec, "app", name, app, app.state === "stopped" ? "stopped" : "running", false),
        database: common.database,
      },
    };
  }
  const { host, startMode } = app;
  const release = hostRelease(spec, host);
  return { ...common, isolation: "shared", placement: `shared:${host}`, host, startMode, release };
}

function hostRelease(spec: FleetSpec, host: string): string {
  const environment = Object.hasOwn(spec.environments, host) ? spec.environments[host] : undefined;
  return (environment ?? spec.entry).release;
}

function planDatabase(spec: FleetSpec, key: string, owner: CommonSpec): DatabasePlan {
  // The role never follows an explicit database name: it stays the owner's, whatever database it gets.
  const role = databaseName(spec.stack, key);
  const { server, name = role, connectionLimit } = owner.database;
  return { server, name, role, connectionLimit, deletion: owner.deletion };
}

function planRoot({ rootEmail, passwordGeneration }: CommonSpec): RootUserPlan {
  return { email: rootEmail, nickname: rootNickname, passwordGeneration };
}

function planGateway(
  spec: FleetSpec,
  entry: InstancePlan,
  environments: Readonly<Record<string, InstancePlan>>,
  apps: Readonly<Record<string, AppPlan>>,
): GatewayPlan {
  const { host, port, domain, uploadLimitMiB, tls } = spec.gateway;
  const routes: RoutePlan[] = [
    ...[entry, ...Object.values(environments)].map(({ key, kind, name, title, state }): RoutePlan => ({
      key,
      kind,
      title,
      hosts: [kind === "entry" ? domain : `${key}.${domain}`],
      instance: key,
      instanceName: name,
      state,
    })),
    ...Object.values(apps).map(({ key, name, title, isolation, hosts, state, host: hostKey }): RoutePlan => ({
      key: name,
      kind: "app",
      title,
      isolation,
      hosts,
      instance: hostKey ?? key,
      instanceName: instanceName(
        hostKey === undefined ? "app" : hostKey === "entry" ? "entry" : "environment",
        hostKey ?? name,
      ),
      // Whether it runs is known in its environment alone, which answers for it where it doesn't.
      state: state === "stopped" ? "stopped" : "running",
    })),
  ];
  return {
    host,
    port,
    domain,
    url: publicUrl(frontOf(spec)),
    ...(tls ? { tls } : {}),
    uploadLimitMiB,
    routes: routes.sort((a, b) => compare(a.key, b.key)),
  };
}

/** The gateway, or in a cluster its ingress, whose ports are those of the schemes. */
function frontOf({ platform, gateway, kubernetes }: FleetSpec): Front {
  if (platform !== "kubernetes") return gateway;
  const { domain } = gateway;
  const { ingress, gatewayApi } = kubernetes;
  const isSecure = gatewayApi ? gatewayApi.https : ingress.issuer !== undefined;
  return { domain, port: 80, ...(isSecure && { tls: { port: 443 } }) };
}

function planKubernetes({ kubernetes, registries }: FleetSpec): KubernetesPlan {
  // A rule refuses a stack file without an image.
  return { ...kubernetes, registries, image: kubernetes.image ?? "" };
}

function mapSorted<Value, Result>(
  record: Readonly<Record<string, Value>>,
  map: (value: Value, key: string) => Result,
): Record<string, Result> {
  const entries = Object.entries(record).sort(([a], [b]) => compare(a, b));
  return Object.fromEntries(entries.map(([key, value]) => [key, map(value, key)]));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
