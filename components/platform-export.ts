/** What a platform stack tells the stacks of its tenants: facts, and the secrets to work with. */
import * as pulumi from "@pulumi/pulumi";
import type {
  CloudnativepgServerPlan,
  DatabaseServerPlan,
  FleetPlan,
  InstancePlan,
  PlatformFacts,
  PlatformServer,
} from "../plan/types";
import type { Platform } from "../platforms/types";
import type { DatabaseServer } from "./database-server";
import type { NocoBaseHost } from "./nocobase-instance";

/** Value of the stack output `forTenants`. */
export interface PlatformExport {
  facts: PlatformFacts;
  secrets: PlatformSecrets;
}

export interface PlatformSecrets {
  /** Administrator's password of each database server. */
  databaseServers: Record<string, string>;
  environments: Record<string, { rootPassword: string; supervisorKey: string }>;
  /** Of the entry app, where it is to show tenants' apps. */
  entryRootPassword?: string;
}

export interface ExportArgs {
  plan: FleetPlan;
  platform: Platform;
  entry: NocoBaseHost;
  environments: Readonly<Record<string, NocoBaseHost>>;
  servers: Readonly<Record<string, DatabaseServer>>;
  /** Administrator's passwords by server. */
  adminPasswords: Readonly<Record<string, pulumi.Input<string>>>;
}

/** The whole as one secret. */
export function exportForTenants(args: ExportArgs): pulumi.Output<PlatformExport> {
  const { plan, platform, entry, environments, servers, adminPasswords } = args;
  const { host, port, domain, tls } = plan.gateway;
  const facts = {
    version: 1,
    stack: plan.stack,
    platform: plan.platform,
    gateway: { host, port, domain, ...(tls ? { tls } : {}) },
    environments: Object.fromEntries(
      Object.entries(environments).map(([key, each]) => [
        key,
        {
          name: each.plan.name,
          url: each.url,
          release: each.plan.release,
          rootEmail: each.plan.root.email,
          ...contextOf(plan, each.plan),
          ...registeredAs(plan, key, platform.addresses(each.plan)),
        },
      ]),
    ),
    ...(plan.registry
      ? {
          entry: {
            name: entry.plan.name,
            url: entry.url,
            rootEmail: entry.plan.root.email,
            ...contextOf(plan, entry.plan),
          },
        }
      : {}),
    databaseServers: Object.fromEntries(
      Object.entries(plan.databaseServers).flatMap(([key, server]) =>
        // Its databases are objects beside it, which are the platform stack's.
        server.kind === "cloudnativepg"
          ? []
          : [[key, { ...reachable(server), ...insideOf(plan, server, servers[key]) }]],
      ),
    ),
    attachment: { ...platform.attachment },
  };
  const secrets = {
    databaseServers: { ...adminPasswords },
    environments: Object.fromEntries(
      Object.entries(environments).map(([key, { keys }]) => [
        key,
        { rootPassword: keys.rootPassword, supervisorKey: keys.supervisorKey },
      ]),
    ),
    ...(plan.registry ? { entryRootPassword: entry.keys.rootPassword } : {}),
  };
  return pulumi.secret(pulumi.output({ facts, secrets }));
}

/** Instances reach a managed server elsewhere than this machine does, where they are on a network of their own. */
function insideOf({ platform }: FleetPlan, { kind }: DatabaseServerPlan, server?: DatabaseServer) {
  if (platform === "local" || kind === "external" || !server) return {};
  return { inside: { host: server.host, port: server.port } };
}

function reachable(server: Exclude<DatabaseServerPlan, CloudnativepgServerPlan>): PlatformServer {
  const { host, port, adminUser } = server;
  if (server.kind === "managed") {
    return { host, port, adminUser, sslMode: "disable", maintenanceDatabase: "postgres", superuser: true };
  }
  const { sslMode, maintenanceDatabase, superuser } = server;
  return { host, port, adminUser, sslMode, maintenanceDatabase, superuser };
}

function contextOf({ kubernetes }: FleetPlan, { placement }: InstancePlan): { context?: string } {
  const context = placement?.context ?? kubernetes?.context;
  return context === undefined ? {} : { context };
}

function registeredAs({ registry }: FleetPlan, key: string, addresses: readonly string[]) {
  const role = registry?.members[key];
  return role === undefined ? {} : { registered: { role, addresses: [...addresses] } };
}
