/** Parsed values → spec: defaults that depend on other fields. */
import type { DeletionPolicy, PlatformFacts, ResourceLimits } from "../plan/types";
import { cpuMillis, memoryMiB } from "./quantities";
import type { AppValues, EntryValues, InstanceValues } from "./schema/instances";
import { defaults, reservedConnections } from "./schema/parts";
import type { StackValues } from "./schema/stack";
import type { AppSpec, CommonSpec, DatabaseServerSpec, FleetSpec, InstanceSpec } from "./spec";

interface FleetDefaults {
  readonly release: string;
  readonly deletion: DeletionPolicy;
  readonly rootEmail: string;
  readonly server: string;
  /** Connections that each server has for roles, as far as is known. */
  readonly connections: Readonly<Record<string, number>>;
  readonly secretEnv: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The spec of parsed values. Total: what names something undeclared keeps the name, for the rules to find. */
export function resolve(stack: string, values: StackValues, facts?: PlatformFacts): FleetSpec {
  const servers = Object.keys(values.databaseServers);
  const defaultServers = servers.length > 0 ? servers : Object.keys(facts?.databaseServers ?? {});
  const fleet: FleetDefaults = {
    release: values.release?.version ?? defaults.release,
    deletion: values.deletion,
    rootEmail: values.rootEmail,
    // Where several are declared and none is named, a rule refuses; any will do until then.
    server: defaultServers.sort()[0] ?? "main",
    connections: mapValues(values.databaseServers, (server) =>
      "maxConnections" in server ? server.maxConnections - reservedConnections : Infinity,
    ),
    secretEnv: values.secretEnv,
  };
  return {
    stack,
    platformStack: values.platformStack,
    platform: values.platform,
    images: { source: values.images ?? "official", names: { ...values.imageNames } },
    registries: values.registries,
    kubernetes: values.kubernetes,
    topology: values.topology,
    supervisor: values.supervisor,
    licenses: Object.keys(values.licenses).sort(),
    gateway: { ...values.gateway, domain: values.gateway.domain.toLowerCase() },
    databaseServers: mapValues(values.databaseServers, resolveServer),
    entry: instance("entry", values.entry, fleet),
    environments: mapValues(values.environments, (environment, key) => instance(key, environment, fleet)),
    apps: mapValues(values.apps, (app, key) => resolveApp(key, app, fleet)),
  };
}

function resolveServer(values: StackValues["databaseServers"][string]): DatabaseServerSpec {
  if (values.kind !== "cloudnativepg") return { ...values };
  return { ...values, resources: limits(values.resources) };
}

function limits({ memory, cpu }: InstanceValues["resources"]): ResourceLimits {
  return {
    ...(memory === undefined ? {} : { memoryMiB: memoryMiB(memory) }),
    ...(cpu === undefined ? {} : { cpuMillis: cpuMillis(cpu) }),
  };
}

function common(
  key: string,
  values: InstanceValues | AppValues,
  fleet: FleetDefaults,
  connectionLimit: number = defaults.connectionLimit,
): CommonSpec {
  const server = values.database.server ?? fleet.server;
  return {
    title: values.title ?? key,
    database: {
      ...values.database,
      server,
      connectionLimit:
        values.database.connectionLimit ?? Math.min(connectionLimit, fleet.connections[server] ?? Infinity),
    },
    rootEmail: values.rootEmail ?? fleet.rootEmail,
    passwordGeneration: values.passwordGeneration,
    deletion: values.deletion ?? fleet.deletion,
  };
}

function instance(
  key: string,
  values: InstanceValues | EntryValues | AppValues,
  fleet: FleetDefaults,
): InstanceSpec {
  const secrets = Object.hasOwn(fleet.secretEnv, key) ? Object.keys(fleet.secretEnv[key] ?? {}) : [];
  const scales = "replicas" in values;
  return {
    ...common(key, values, fleet, scales ? defaults.connectionLimitWithReplicas : undefined),
    release: values.release?.version ?? fleet.release,
    port: values.port,
    env: { ...values.env },
    secretEnv: secrets.sort(),
    heapLimitMiB: values.heapLimitMiB,
    resources: limits(values.resources),
    ...(scales ? scaleOf(values.replicas) : { replicas: 1 }),
    placement: values.kubernetes,
  };
}

function scaleOf(replicas: EntryValues["replicas"]): Pick<InstanceSpec, "replicas" | "autoscale"> {
  if (typeof replicas === "number") return { replicas };
  const { min, max, cpuPercent } = replicas;
  return { replicas: min, autoscale: { max, cpuPercent } };
}

function resolveApp(key: string, values: AppValues, fleet: FleetDefaults): AppSpec {
  const { state, isolation } = values;
  const domains = values.domains.map((domain) => domain.toLowerCase());
  if (isolation === "dedicated") {
    return {
      ...instance(key, values, fleet),
      isolation,
      state,
      domains,
    };
  }
  return {
    ...common(key, values, fleet),
    isolation,
    state,
    domains,
    host: values.environment ?? "entry",
    startMode: values.startMode ?? "auto",
  };
}

function mapValues<Value, Result>(
  record: Readonly<Record<string, Value>>,
  map: (value: Value, key: string) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
