/** Puts the components of a fleet plan together. */
import * as pulumi from "@pulumi/pulumi";
import type { AppPlan, DatabasePlan, FleetPlan, Isolation, FleetRegistryPlan } from "../plan/types";
import { siblingUrl } from "../plan/public-url";
import type { ObjectStoreKeys, Platform } from "../platforms/types";
import { Declaration } from "../providers/nocobase/resources";
import { BusinessApp } from "./business-app";
import { DatabaseServer } from "./database-server";
import { EntryApp } from "./entry-app";
import { Gateway } from "./gateway";
import type {
  Credentials,
  JoinRegistry,
  NocoBaseHost,
  SecretEnvironment,
  Supervision,
} from "./nocobase-instance";
import { exportForTenants, type PlatformExport } from "./platform-export";
import { Redis } from "./redis";
import { Registry } from "./registry";
import { RuntimeEnvironment } from "./runtime-environment";

export interface FleetSecrets {
  /** Administrator's password of each external database server. */
  readonly databaseServerPasswords: Readonly<Record<string, pulumi.Input<string>>>;
  /** Sign-ins to object stores, by the key of the database server. Default: none. */
  readonly objectStoreKeys?: Readonly<Record<string, ObjectStoreKeys>>;
  /** NocoBase's licence keys of `entry` and environments, by key. Default: none. */
  readonly licenses?: Readonly<Record<string, pulumi.Output<string>>>;
  /** Secret environment variables of `entry`, environments and dedicated apps, by key and name. */
  readonly secretEnv: Readonly<Record<string, SecretEnvironment>>;
}

/** What a stack says of one environment or the entry app. */
export interface InstanceOutput {
  id: pulumi.Output<string>;
  url: string;
  /** Address inside the fleet, past the gateway. */
  instanceUrl: pulumi.Output<string>;
  state: string;
  /** Processes that serve it; those of its host, for a shared app. */
  replicas: number;
  release: string;
  database: pulumi.Output<string>;
  databaseServer: string;
}

export interface AppOutput extends InstanceOutput {
  /** In its host and in the gateway: its key, or a tenant's `<stack>-<key>`. */
  name: string;
  title: string;
  isolation: string;
  /** Key of the environment that hosts it, `entry`, or null for a dedicated app. */
  environment: string | null;
}

/** The stack's outputs. */
export interface FleetOutputs {
  platform: string;
  topology: string;
  /** What makes the entry app the control plane: `open`, `official` or `none`. */
  supervisor: string;
  url: pulumi.Output<string>;
  entry: InstanceOutput;
  environments: Record<string, InstanceOutput>;
  apps: Record<string, AppOutput>;
  /** Sign-ins by key (`entry`, environments, apps; `server/<key>` for managed database servers), one secret. */
  credentials: pulumi.Output<Record<string, { url: string; email: string; password: string }>>;
  /** For the programs of tenants' stacks, one secret. */
  forTenants: pulumi.Output<PlatformExport>;
}

/** Makes every resource of the plan and returns the stack's outputs. */
export function createFleet(plan: FleetPlan, platform: Platform, secrets: FleetSecrets): FleetOutputs {
  const servers = mapValues(
    plan.databaseServers,
    (server, key) =>
      new DatabaseServer(key, {
        plan: server,
        platform,
        adminPassword: secrets.databaseServerPasswords[key],
        databases: databasesOf(plan).filter((database) => database.server === key),
        objectStoreKeys: secrets.objectStoreKeys?.[key],
      }),
  );
  const serverOf = (database: DatabasePlan) => required(servers, database.server, "database server");

  const planned = plan.registry;
  let registry: Registry | undefined;
  const redis = plan.supervisor === "official" ? new Redis("redis", { platform }) : undefined;
  const supervision = (key: string, aesKey?: pulumi.Output<string>): Supervision | undefined =>
    redis && { environment: redis.environment, license: secrets.licenses?.[key], aesKey };
  const entry = new EntryApp("entry", {
    plan: plan.entry,
    platform,
    server: serverOf(plan.entry.database),
    secretEnv: secrets.secretEnv.entry,
    registry: planned
      ? ({ registryPassword: password }, parent) => {
          const server = required(servers, planned.server, "database server");
          registry = new Registry("registry", { plan: planned, server, password }, { parent });
          return registry.environment;
        }
      : undefined,
    supervision: supervision("entry"),
  });
  const join = (key: string): JoinRegistry | undefined => {
    const joined = registry;
    return joined && (({ registryPassword }, parent) => joined.member(key, registryPassword, parent));
  };
  const environments = mapValues(
    plan.environments,
    (environment, key) =>
      new RuntimeEnvironment(key, {
        plan: environment,
        platform,
        server: serverOf(environment.database),
        secretEnv: secrets.secretEnv[key],
        registry: join(key),
        supervision: supervision(key, entry.keys.supervisorKey),
      }),
  );
  const hostOf = (app: AppPlan): NocoBaseHost | undefined => {
    if (app.host === undefined) return undefined;
    return app.host === "entry" ? entry : required(environments, app.host, "environment");
  };
  const createApps = (isolation: Isolation, gateway?: Gateway) =>
    mapValues(
      pick(plan.apps, (app) => app.isolation === isolation),
      (app, key) =>
        new BusinessApp(key, {
          plan: app,
          platform,
          server: serverOf(app.database),
          host: hostOf(app),
          gateway: gateway?.resource,
          secretEnv: secrets.secretEnv[key],
          registry: app.instance ? join(key) : undefined,
        }),
    );

  const dedicated = createApps("dedicated");
  const targets = {
    entry: entry.url,
    ...mapValues(environments, (environment) => environment.url),
    ...mapValues(dedicated, (app) => app.instanceUrl),
  };
  const gateway = new Gateway("gateway", { plan: plan.gateway, platform, targets });
  const apps = { ...dedicated, ...createApps("shared", gateway) };

  if (planned) declareFleet(plan, planned, entry, platform);

  const hostOutput = (host: NocoBaseHost): InstanceOutput => ({
    id: host.urn,
    url: urlOf(plan, host.plan.key),
    instanceUrl: host.url,
    state: host.plan.state,
    replicas: host.plan.replicas.length,
    release: host.plan.release,
    database: host.database.connection.name,
    databaseServer: host.plan.database.server,
  });
  const hostCredentials = (host: NocoBaseHost): Credentials => ({
    url: urlOf(plan, host.plan.key),
    email: host.plan.root.email,
    password: host.keys.rootPassword,
  });
  const credentials: Record<string, Credentials> = {
    entry: hostCredentials(entry),
    ...mapValues(environments, hostCredentials),
  };
  for (const [key, server] of Object.entries(servers)) {
    const { adminPassword: password } = server;
    const declared = required(plan.databaseServers, key, "database server");
    if (!password || declared.kind === "cloudnativepg") continue;
    const { host, port, adminUser: email } = declared;
    credentials[`server/${key}`] = { url: `postgresql://${host}:${port}`, email, password };
  }
  const appOutputs: Record<string, AppOutput> = {};
  for (const [key, app] of Object.entries(plan.apps)) {
    const component = required(apps, key, "app");
    credentials[key] = { url: app.url, email: app.root.email, password: component.keys.rootPassword };
    appOutputs[key] = appOutput(app, component);
  }

  return {
    platform: plan.platform,
    topology: plan.topology,
    supervisor: plan.supervisor,
    url: gateway.url,
    entry: hostOutput(entry),
    environments: mapValues(environments, hostOutput),
    apps: appOutputs,
    credentials: pulumi.secret(pulumi.output(credentials)),
    forTenants: exportForTenants({
      plan,
      platform,
      entry,
      environments,
      servers,
      adminPasswords: mapValues(
        servers,
        ({ adminPassword }, key) => adminPassword ?? secrets.databaseServerPasswords[key] ?? "",
      ),
    }),
  };
}

/** Of all that have one, the registry aside. */
function databasesOf({ entry, environments, apps }: FleetPlan): DatabasePlan[] {
  return [entry, ...Object.values(environments), ...Object.values(apps)].map(({ database }) => database);
}

/** Tells the entry app what the stack file says, for it to show beside what is reported. */
function declareFleet(
  plan: FleetPlan,
  registry: FleetRegistryPlan,
  entry: EntryApp,
  platform: Platform,
): void {
  const role = (key: string): string => required(registry.members, key, "role in the registry of");
  new Declaration(
    "declaration",
    {
      host: {
        url: entry.url,
        account: entry.plan.root.email,
        password: entry.keys.rootPassword,
        cluster: platform.clusterOf?.(entry.plan.name),
      },
      stack: plan.stack,
      environments: Object.values(plan.environments).map(({ key: name, title, release }) => ({
        name,
        role: role(name),
        title,
        release,
        url: urlOf(plan, name),
      })),
      apps: Object.values(plan.apps).map(
        ({ key: name, title, isolation, host, release, url, state, instance }) => ({
          name,
          role: role(host ?? name),
          title,
          isolation,
          environment: host ?? null,
          release,
          url,
          state,
          addresses: platform.addresses(instance ?? required(plan.environments, host ?? "", "environment")),
        }),
      ),
    },
    { parent: entry, dependsOn: entry.resource },
  );
}

/** What a stack says of one app. */
export function appOutput(app: AppPlan, component: BusinessApp): AppOutput {
  return {
    id: component.urn,
    name: app.name,
    title: app.title,
    isolation: app.isolation,
    environment: app.host ?? null,
    url: app.url,
    instanceUrl: component.instanceUrl,
    state: app.state,
    replicas: app.instance?.replicas.length ?? 1,
    release: app.release,
    database: component.database.connection.name,
    databaseServer: app.database.server,
  };
}

/** Address of the entry app or an environment through the gateway. */
function urlOf(plan: FleetPlan, key: string): string {
  const { url, domain, routes } = plan.gateway;
  return siblingUrl(url, routes.find((route) => route.key === key)?.hosts[0] ?? domain);
}

/** A record with every value mapped. */
export function mapValues<Value, Result>(
  record: Readonly<Record<string, Value>>,
  map: (value: Value, key: string) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}

function pick<Value>(
  record: Readonly<Record<string, Value>>,
  wanted: (value: Value) => boolean,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => wanted(value)));
}

/** @throws where the plan names what it lacks */
export function required<Value>(record: Readonly<Record<string, Value>>, key: string, kind: string): Value {
  const value = record[key];
  if (value === undefined) throw new Error(`the plan names ${kind} "${key}", which it lacks`);
  return value;
}
