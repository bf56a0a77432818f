/** Pulumi resources of the `nocobase-local` provider: PostgreSQL, NocoBase and the gateway as supervised processes. */
import * as pulumi from "@pulumi/pulumi";
import type { DeclaredState, DeletionPolicy, ResourceLimits } from "../../plan/types";
import type { GatewayRoute } from "./gateway/routes";

export interface ProviderArgs {
  /** Absolute folder that holds this stack's processes, data and logs. */
  root: pulumi.Input<string>;
}

/** Explicit provider; `root` is its only setting. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: ProviderArgs, opts?: pulumi.ResourceOptions) {
    super("nocobase-local", name, { root: args.root }, opts);
  }
}

export interface PostgresServerArgs {
  /** Folder and process name below the provider's root, e.g. `postgres-main`. */
  name: pulumi.Input<string>;
  port: pulumi.Input<number>;
  adminUser: pulumi.Input<string>;
  adminPassword: pulumi.Input<string>;
  maxConnections: pulumi.Input<number>;
}

/** A PostgreSQL server: initdb once, then a supervised process. Deleting it refuses to drop databases that are not PostgreSQL's own. */
export class PostgresServer extends pulumi.CustomResource {
  declare readonly host: pulumi.Output<string>;
  declare readonly port: pulumi.Output<number>;
  /** Server version, e.g. `15.18`. */
  declare readonly version: pulumi.Output<string>;
  constructor(name: string, args: PostgresServerArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "nocobase-local:index:PostgresServer",
      name,
      { ...args, host: undefined, version: undefined },
      opts,
    );
  }
}

export interface ReleaseArgs {
  /** NocoBase version with a committed lockfile, e.g. `2.2.15`. */
  version: pulumi.Input<string>;
}

/** NocoBase installed once into the user's cache, shared by every instance. Deleting it leaves the cache. */
export class Release extends pulumi.CustomResource {
  declare readonly version: pulumi.Output<string>;
  constructor(name: string, args: ReleaseArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-local:index:Release", name, { ...args }, opts);
  }
}

export interface DatabaseConnectionArgs {
  host: pulumi.Input<string>;
  port: pulumi.Input<number>;
  name: pulumi.Input<string>;
  user: pulumi.Input<string>;
  password: pulumi.Input<string>;
  /** PostgreSQL's sslmode; `disable` by default. */
  sslMode?: pulumi.Input<string>;
}

export interface AppFilesArgs {
  /** Key of the app; the subfolder of its uploads inside the instance's storage. */
  key: pulumi.Input<string>;
  /** Folder name below `<root>/files`, e.g. `app-crm`. */
  name: pulumi.Input<string>;
  /** Name of the instance whose storage shows this folder (`entry`, `env-blue`, `app-erp`); a change relinks it, nothing is copied. */
  instance: pulumi.Input<string>;
  /** Root of the stack that the instance belongs to; this stack's by default. */
  instanceRoot?: pulumi.Input<string>;
  /** The app's name inside that instance: `main` where the instance is the app itself, else the app's key. */
  appName: pulumi.Input<string>;
  /** 64 hex digits: AES-256 key of fields stored encrypted; kept for ever. */
  aesKey: pulumi.Input<string>;
  /** What delete does with the files and, for `backup`, with a dump of the database. */
  deletion: pulumi.Input<DeletionPolicy>;
  /** Connection of the app's own role, for the dump. */
  database: pulumi.Input<DatabaseConnectionArgs>;
}

/** An app's uploads and AES key in a folder of its own, and its guard: with `backup` its deletion takes a verified dump and an archive first. */
export class AppFiles extends pulumi.CustomResource {
  /** Absolute folder. */
  declare readonly path: pulumi.Output<string>;
  constructor(name: string, args: AppFilesArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-local:index:AppFiles", name, { ...args, path: undefined }, opts);
  }
}

export interface InstanceArgs {
  /** Unit and folder name, e.g. `env-blue`. */
  name: pulumi.Input<string>;
  /** Key of the entry app, environment or app; the subfolder of its own uploads. */
  key: pulumi.Input<string>;
  /** Shown on NocoBase's own pages, unless somebody chose another inside. */
  title: pulumi.Input<string>;
  /** NocoBase version, an installed `Release`. */
  release: pulumi.Input<string>;
  host: pulumi.Input<string>;
  port: pulumi.Input<number>;
  /** Changes replace the instance, old one first: two processes never serve one database. */
  database: pulumi.Input<DatabaseConnectionArgs>;
  state: pulumi.Input<DeclaredState>;
  env: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Secret environment variables (APP_KEY, INIT_ROOT_PASSWORD, …), written to a 0600 file. */
  secretEnv: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Switches the open multi-app manager on, in the main app only. */
  hostsApps: pulumi.Input<boolean>;
  /** Root user's sign-in, needed to switch the multi-app manager on. */
  rootEmail: pulumi.Input<string>;
  rootPassword: pulumi.Input<string>;
  heapLimitMiB?: pulumi.Input<number>;
  /** Processes that serve it, 1 by default; a change starts or ends processes and touches no running one. */
  replicas?: pulumi.Input<number>;
  /** Ports of the replicas after the first. */
  replicaPorts?: pulumi.Input<pulumi.Input<number>[]>;
  /** Limits of each process. */
  resources?: pulumi.Input<ResourceLimits>;
}

/** One NocoBase in supervised processes; create and update wait until all of them answer. */
export class Instance extends pulumi.CustomResource {
  /** Address of the first process. */
  declare readonly url: pulumi.Output<string>;
  /** Ports of all processes, the first one's first. */
  declare readonly ports: pulumi.Output<number[]>;
  constructor(name: string, args: InstanceArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-local:index:Instance", name, { ...args, url: undefined, ports: undefined }, opts);
  }
}

export type GatewayRouteArgs = Omit<GatewayRoute, "target"> & { target: pulumi.Input<string> };

export interface GatewayArgs {
  host: pulumi.Input<string>;
  port: pulumi.Input<number>;
  domain: pulumi.Input<string>;
  uploadLimitMiB: pulumi.Input<number>;
  routes: pulumi.Input<GatewayRouteArgs[]>;
}

/** The fleet's one address; a change of routes is taken over without a restart. */
export class Gateway extends pulumi.CustomResource {
  declare readonly url: pulumi.Output<string>;
  constructor(name: string, args: GatewayArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-local:index:Gateway", name, { ...args, url: undefined }, opts);
  }
}

export interface TenantRoutesArgs {
  /** The tenant's stack; names its file. */
  stack: pulumi.Input<string>;
  /** Root of the platform stack, whose gateway routes by it. */
  platformRoot: pulumi.Input<string>;
  /** Where that gateway listens. */
  gateway: pulumi.Input<{ host: string; port: number; domain: string }>;
  routes: pulumi.Input<GatewayRouteArgs[]>;
}

/** A tenant's routes in the gateway of its platform stack; a host or name that another stack has is refused in preview. */
export class TenantRoutes extends pulumi.CustomResource {
  constructor(name: string, args: TenantRoutesArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-local:index:TenantRoutes", name, { ...args }, opts);
  }
}
