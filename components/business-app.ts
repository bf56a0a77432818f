import * as pulumi from "@pulumi/pulumi";
import type { AppPlan } from "../plan/types";
import type { Platform } from "../platforms/types";
import { Application } from "../providers/nocobase/resources";
import { AppDatabase } from "./app-database";
import type { DatabaseServer } from "./database-server";
import { createSeed, deriveKeys, type AppKeys } from "./keys";
import { createInstance, type AppHost, type JoinRegistry, type SecretEnvironment } from "./nocobase-instance";

export interface BusinessAppArgs {
  plan: AppPlan;
  platform: Platform;
  /** The server that holds its database. */
  server: DatabaseServer;
  /** The instance that hosts it; required for `isolation: shared`. */
  host?: AppHost;
  /** The gateway; a shared app that is to stop is stopped only once no request reaches it any more. */
  gateway?: pulumi.Resource;
  /** Dedicated apps: the user's own secret environment variables. Default: none. */
  secretEnv?: SecretEnvironment;
  /** Dedicated apps: how it comes to the fleet's registry, where there is one. */
  registry?: JoinRegistry;
}

/**
 * An application of its own: database, role, users, keys, files. It runs in a host's shared memory or as a
 * dedicated instance; a move between the two keeps everything but the process.
 *
 * @example new BusinessApp("crm", { plan: plan.apps.crm, platform, server, host: blue })
 */
export class BusinessApp extends pulumi.ComponentResource {
  readonly keys: AppKeys;
  readonly database: AppDatabase;
  /** Address inside the fleet of the process that serves it. */
  readonly instanceUrl: pulumi.Output<string>;

  constructor(name: string, args: BusinessAppArgs, options?: pulumi.ComponentResourceOptions) {
    super("nocobase-fleet:index:BusinessApp", name, {}, options);
    const { plan, platform, server, host } = args;
    const seed = createSeed(name, { parent: this, protect: plan.deletion === "protect" });
    this.keys = deriveKeys(seed, plan.root.passwordGeneration);
    this.database = new AppDatabase(
      name,
      { plan: plan.database, server, password: this.keys.databasePassword, placement: plan.placement },
      { parent: this },
    );
    this.instanceUrl = plan.instance
      ? createInstance(name, this, {
          plan: plan.instance,
          platform,
          database: this.database,
          keys: this.keys,
          secretEnv: args.secretEnv,
          registry: args.registry,
        }).url
      : this.share(name, args, requireHost(name, host));
    // Where it stands: a platform is told by these which of its parts a tenant's stack uses.
    const { placement, database } = plan;
    this.registerOutputs({
      url: plan.url,
      database: this.database.connection.name,
      placement,
      databaseServer: database.server,
    });
  }

  private share(
    name: string,
    { plan, platform, gateway }: BusinessAppArgs,
    host: AppHost,
  ): pulumi.Output<string> {
    const files = platform.files(
      `${name}-files`,
      {
        key: plan.name,
        name: `app-${plan.name}`,
        instance: host.plan.name,
        hostedByPlatform: host.resource === undefined,
        appName: plan.name,
        release: plan.release,
        aesKey: this.keys.aesKey,
        deletion: plan.deletion,
        database: this.database.ownerConnection,
      },
      { parent: this, dependsOn: this.database, protect: plan.deletion === "protect" },
    );
    const application = new Application(
      `${name}-app`,
      {
        host: {
          url: host.url,
          account: host.plan.root.email,
          password: host.keys.rootPassword,
          encryptionKey: host.keys.supervisorKey,
          cluster: platform.clusterOf?.(host.plan.name),
        },
        name: plan.name,
        title: plan.title,
        cname: plan.hosts[0],
        startMode: plan.startMode,
        state: plan.state,
        database: this.database.connection,
        jwtSecret: this.keys.jwtSecret,
        rootEmail: plan.root.email,
        rootNickname: plan.root.nickname,
        rootPassword: this.keys.rootPassword,
      },
      {
        parent: this,
        dependsOn: [files, host.resource, gateway].filter((each) => each !== undefined),
        deleteBeforeReplace: true,
      },
    );
    return application.url;
  }
}

function requireHost(name: string, host: AppHost | undefined): AppHost {
  if (!host) throw new Error(`${name} is a shared app and needs the instance that hosts it`);
  return host;
}
