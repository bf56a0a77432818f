/** Puts the components of a tenant's plan together: its apps, on what its platform stack has. */
import * as pulumi from "@pulumi/pulumi";
import type { AppPlan, DatabasePlan, DatabaseServerPlan, TenantPlan } from "../plan/types";
import { publicUrl } from "../plan/public-url";
import type { Platform } from "../platforms/types";
import { Declaration } from "../providers/nocobase/resources";
import { BusinessApp } from "./business-app";
import { DatabaseServer } from "./database-server";
import { appOutput, mapValues, required, type AppOutput, type FleetSecrets } from "./fleet";
import type { AppHost, Credentials } from "./nocobase-instance";
import type { PlatformSecrets } from "./platform-export";

/** A tenant's stack outputs. */
export interface TenantOutputs {
  platform: string;
  /** The stack that its apps run on. */
  platformStack: string;
  url: string;
  environments: Record<string, never>;
  apps: Record<string, AppOutput>;
  /** Sign-ins by key (apps; `server/<key>` for managed database servers of its own), one secret. */
  credentials: pulumi.Output<Record<string, { url: string; email: string; password: string }>>;
}

export interface TenantArgs {
  plan: TenantPlan;
  platform: Platform;
  /** From the tenant's own stack file. */
  secrets: FleetSecrets;
  /** From the platform's stack. */
  platformSecrets: PlatformSecrets;
}

/** Makes every resource of a tenant's plan and returns the stack's outputs. */
export function createTenant({ plan, platform, secrets, platformSecrets }: TenantArgs): TenantOutputs {
  const own = mapValues(
    plan.databaseServers,
    (server, key) =>
      new DatabaseServer(key, {
        plan: server,
        platform,
        adminPassword: secrets.databaseServerPasswords[key],
      }),
  );
  const used = new Set(Object.values(plan.apps).map(({ database }) => database.server));
  const servers = { ...own, ...platformServers(plan, platform, platformSecrets, used) };
  const serverOf = (database: DatabasePlan) => required(servers, database.server, "database server");

  const createApps = (isolation: AppPlan["isolation"], gateway?: pulumi.Resource) =>
    mapValues(
      Object.fromEntries(Object.entries(plan.apps).filter(([, app]) => app.isolation === isolation)),
      (app, key) =>
        new BusinessApp(key, {
          plan: app,
          platform,
          server: serverOf(app.database),
          host: app.host === undefined ? undefined : platformHost(plan, app.host, platformSecrets),
          gateway,
          secretEnv: secrets.secretEnv[key],
        }),
    );
  const dedicated = createApps("dedicated");
  const routes = platform.tenantRoutes(
    "routes",
    {
      stack: plan.stack,
      gateway: plan.facts.gateway,
      routes: plan.routes,
      targets: {
        ...mapValues(plan.facts.environments, ({ url }) => url),
        ...mapValues(dedicated, ({ instanceUrl }) => instanceUrl),
      },
    },
    {},
  );
  const apps = { ...dedicated, ...createApps("shared", routes) };
  declareApps(plan, platform, platformSecrets);

  const credentials: Record<string, Credentials> = {};
  for (const [key, server] of Object.entries(own)) {
    const { adminPassword: password } = server;
    const declared = required(plan.databaseServers, key, "database server");
    if (!password || declared.kind === "cloudnativepg") continue;
    const { host, port, adminUser: email } = declared;
    credentials[`server/${key}`] = { url: `postgresql://${host}:${port}`, email, password };
  }
  for (const [key, app] of Object.entries(plan.apps)) {
    const { keys } = required(apps, key, "app");
    credentials[key] = { url: app.url, email: app.root.email, password: keys.rootPassword };
  }
  return {
    platform: plan.platform,
    platformStack: plan.platformStack,
    url: publicUrl(plan.facts.gateway),
    environments: {},
    apps: mapValues(plan.apps, (app, key) => appOutput(app, required(apps, key, "app"))),
    credentials: pulumi.secret(pulumi.output(credentials)),
  };
}

/** The platform's servers that hold a database of this tenant, reached by address as any external one. */
function platformServers(
  plan: TenantPlan,
  platform: Platform,
  secrets: PlatformSecrets,
  used: ReadonlySet<string>,
): Record<string, DatabaseServer> {
  const there = Object.entries(plan.facts.databaseServers).filter(([key]) => used.has(key));
  return mapValues(Object.fromEntries(there), (server, key) => {
    const external: DatabaseServerPlan = { ...server, kind: "external", key, name: key };
    const adminPassword = pulumi.secret(required(secrets.databaseServers, key, "password of server"));
    return new DatabaseServer(key, { plan: external, platform, adminPassword });
  });
}

/** Tells the platform's entry app of apps in its environments, for it to show them, too. */
function declareApps(plan: TenantPlan, platform: Platform, { entryRootPassword }: PlatformSecrets): void {
  const { entry, environments } = plan.facts;
  if (!entry || entryRootPassword === undefined) return;
  const apps = Object.values(plan.apps).flatMap(
    ({ name, title, host: environment, isolation, release, url, state }) => {
      const registered = environment === undefined ? undefined : environments[environment]?.registered;
      return registered && environment !== undefined
        ? [{ name, title, isolation, environment, release, url, state, ...registered }]
        : [];
    },
  );
  if (apps.length === 0) return;
  const host = {
    url: entry.url,
    account: entry.rootEmail,
    password: pulumi.secret(entryRootPassword),
    cluster: platform.clusterOf?.(entry.name),
  };
  new Declaration("declaration", { host, stack: plan.stack, environments: [], apps });
}

function platformHost(plan: TenantPlan, key: string, secrets: PlatformSecrets): AppHost {
  const { name, url, rootEmail } = required(plan.facts.environments, key, "environment");
  const { rootPassword, supervisorKey } = required(secrets.environments, key, "secrets of environment");
  return {
    plan: { name, root: { email: rootEmail, nickname: "", passwordGeneration: 1 } },
    url: pulumi.output(url),
    keys: { rootPassword: pulumi.secret(rootPassword), supervisorKey: pulumi.secret(supervisorKey) },
  };
}
