/** What the entry app, a runtime environment and a dedicated app have in common: one NocoBase with its own database, files and keys. */
import * as pulumi from "@pulumi/pulumi";
import type { InstancePlan } from "../plan/types";
import type { InstanceHandle, Platform } from "../platforms/types";
import { AppDatabase } from "./app-database";
import type { DatabaseServer } from "./database-server";
import { createSeed, deriveKeys, type AppKeys } from "./keys";
import type { RegistryEnvironment } from "./registry";

export interface InstanceArgs {
  plan: InstancePlan;
  platform: Platform;
  /** The server that holds its database. */
  server: DatabaseServer;
  /** The user's own secret environment variables. Default: none. */
  secretEnv?: SecretEnvironment;
  /** How it comes to the fleet's registry, where there is one. */
  registry?: JoinRegistry;
  /** How NocoBase's own supervisor is told of it, where there is one. */
  supervision?: Supervision;
}

/** What an instance under NocoBase's own supervisor needs besides its plan. */
export interface Supervision {
  /** Addresses with the password of Redis. */
  readonly environment: SecretEnvironment;
  /** Encrypts the database passwords of apps, the same for all; the entry app's own where not given. */
  readonly aesKey?: pulumi.Output<string>;
  readonly license?: pulumi.Output<string>;
}

/** Gives the variables by which an instance enters the registry; what that takes is made below `parent`. */
export type JoinRegistry = (keys: AppKeys, parent: pulumi.Resource) => RegistryEnvironment;

/** Secret environment variables by name. */
export type SecretEnvironment = Readonly<Record<string, pulumi.Output<string>>>;

/** Sign-in of a root user, or of a database server's administrator; the password is a secret. */
export interface Credentials {
  readonly url: string;
  /** E-mail address, or user name on a database server. */
  readonly email: string;
  readonly password: pulumi.Output<string>;
}

/** How business apps reach the NocoBase that hosts them. */
export interface AppHost {
  readonly plan: Pick<InstancePlan, "name" | "root">;
  readonly url: pulumi.Output<string>;
  readonly keys: Pick<AppKeys, "rootPassword" | "supervisorKey">;
  /** Undefined where the instance is the platform stack's and the app a tenant's. */
  readonly resource?: pulumi.Resource;
}

/** Secret environment of an instance: the user's own, then the fleet's (names from NocoBase's documentation). */
function secretEnvironment(
  plan: InstancePlan,
  keys: AppKeys,
  own: SecretEnvironment = {},
  registry: RegistryEnvironment = {},
  supervision?: Supervision,
): SecretEnvironment {
  return {
    ...own,
    ...registry,
    ...supervision?.environment,
    APP_KEY: keys.jwtSecret,
    INIT_ROOT_PASSWORD: keys.rootPassword,
    ...(plan.hostsApps || supervision
      ? { APP_SUPERVISOR_AES_SECRET_KEY: supervision?.aesKey ?? keys.supervisorKey }
      : {}),
  };
}

/** Base of {@link EntryApp} and {@link RuntimeEnvironment}: a NocoBase that may host business apps. */
export abstract class NocoBaseHost extends pulumi.ComponentResource implements AppHost {
  readonly plan: InstancePlan;
  readonly url: pulumi.Output<string>;
  readonly keys: AppKeys;
  readonly resource: pulumi.Resource;
  readonly database: AppDatabase;

  constructor(type: string, name: string, args: InstanceArgs, options?: pulumi.ComponentResourceOptions) {
    super(type, name, {}, options);
    const { plan, platform, server } = args;
    const kept = { protect: plan.deletion === "protect" };
    const seed = createSeed(name, { parent: this, ...kept });
    this.plan = plan;
    this.keys = deriveKeys(seed, plan.root.passwordGeneration);
    this.database = new AppDatabase(
      name,
      { plan: plan.database, server, password: this.keys.databasePassword, placement: "dedicated" },
      { parent: this },
    );
    const instance = createInstance(name, this, {
      plan,
      platform,
      database: this.database,
      keys: this.keys,
      secretEnv: args.secretEnv,
      registry: args.registry,
      supervision: args.supervision,
    });
    this.url = instance.url;
    this.resource = instance.resource;
    this.registerOutputs({ url: this.url, database: this.database.connection.name });
  }
}

export interface CreateInstanceArgs {
  plan: InstancePlan;
  platform: Platform;
  database: AppDatabase;
  keys: AppKeys;
  secretEnv?: SecretEnvironment;
  registry?: JoinRegistry;
  supervision?: Supervision;
}

/** Files and process of one NocoBase, as children of `parent`. */
export function createInstance(
  name: string,
  parent: pulumi.Resource,
  args: CreateInstanceArgs,
): InstanceHandle {
  const { plan, platform, database, keys } = args;
  const files = platform.files(
    `${name}-files`,
    {
      key: plan.key,
      name: plan.name,
      instance: plan.name,
      appName: "main",
      release: plan.release,
      aesKey: keys.aesKey,
      deletion: plan.deletion,
      database: database.ownerConnection,
    },
    { parent, dependsOn: database, protect: plan.deletion === "protect" },
  );
  return platform.instance(
    `${name}-instance`,
    {
      plan,
      database: database.connection,
      secretEnv: secretEnvironment(
        plan,
        keys,
        args.secretEnv,
        args.registry?.(keys, parent),
        args.supervision,
      ),
      rootPassword: keys.rootPassword,
      license: args.supervision?.license,
    },
    { parent, dependsOn: files, deleteBeforeReplace: true },
  );
}
