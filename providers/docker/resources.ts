/** Pulumi resources of the `nocobase-docker` provider: what lies inside the docker provider's containers and volumes. */
import * as pulumi from "@pulumi/pulumi";
import type { DeletionPolicy } from "../../plan/types";
import type { GatewayRoute, RoutingTable } from "../local/gateway/routes";

/** Explicit provider; its settings are the docker provider's. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: { host?: pulumi.Input<string> }, opts?: pulumi.ResourceOptions) {
    super("nocobase-docker", name, args, opts);
  }
}

export interface VolumeFilesArgs {
  volume: pulumi.Input<string>;
  /** Image with Node that helps to write. */
  image: pulumi.Input<string>;
  /** Number of the one user who may read them. */
  owner: pulumi.Input<number>;
  /** Contents by path within the volume; a secret. */
  files: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** Files in a volume that containers read: secrets, so that they are in no inspectable environment. */
export class VolumeFiles extends pulumi.CustomResource {
  constructor(name: string, args: VolumeFilesArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-docker:index:VolumeFiles", name, { ...args }, opts);
  }
}

export interface AppFilesArgs {
  /** Key of the app; the subfolder of its uploads. */
  key: pulumi.Input<string>;
  /** Name of its backups: `app-crm`. */
  name: pulumi.Input<string>;
  /** Storage volume of the instance that serves the app; a change moves the files. */
  volume: pulumi.Input<string>;
  /** `<project>/<stack>` that the volume belongs to; this stack by default. */
  volumeStack?: pulumi.Input<string>;
  /** The app's name inside that instance. */
  appName: pulumi.Input<string>;
  /** NocoBase version that it runs with; before it changes, `fleet up` takes a backup. */
  release: pulumi.Input<string>;
  /** Image with Node and PostgreSQL's clients. */
  image: pulumi.Input<string>;
  /** Number of the user that NocoBase runs as. */
  owner: pulumi.Input<number>;
  /** Network on which the database answers. */
  network: pulumi.Input<string>;
  /** Folder of this machine that backups go to. */
  backupRoot: pulumi.Input<string>;
  /** 64 hex digits; kept for ever. */
  aesKey: pulumi.Input<string>;
  deletion: pulumi.Input<DeletionPolicy>;
  /** Connection of the app's own role, as containers reach it. */
  database: pulumi.Input<{
    host: pulumi.Input<string>;
    port: pulumi.Input<number>;
    name: pulumi.Input<string>;
    user: pulumi.Input<string>;
    password: pulumi.Input<string>;
    sslMode?: pulumi.Input<string>;
  }>;
}

/** An app's uploads and AES key in the volume of its instance, and its guard: with `backup` its deletion takes a verified dump and an archive first. */
export class AppFiles extends pulumi.CustomResource {
  constructor(name: string, args: AppFilesArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-docker:index:AppFiles", name, { ...args }, opts);
  }
}

export interface ServiceArgs {
  name: pulumi.Input<string>;
  /** Ids of all containers of the part. */
  containers: pulumi.Input<pulumi.Input<string>[]>;
}

/** Keeps the containers of a part running: an unchanged plan starts those that were stopped. */
export class Service extends pulumi.CustomResource {
  constructor(name: string, args: ServiceArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-docker:index:Service", name, { ...args, running: undefined }, opts);
  }
}

export interface ServerArgs extends ServiceArgs {
  /** Volume of the data. */
  volume: pulumi.Input<string>;
  /** Port on the loopback address. */
  port: pulumi.Input<number>;
  adminUser: pulumi.Input<string>;
  adminPassword: pulumi.Input<string>;
}

/** A {@link Service} that is not removed while databases are on it. */
export class Server extends pulumi.CustomResource {
  constructor(name: string, args: ServerArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-docker:index:Server", name, { ...args, running: undefined }, opts);
  }
}

export interface InstanceArgs {
  name: pulumi.Input<string>;
  /** Id of the container that it is set up in. */
  container: pulumi.Input<string>;
  /** Where it answers on this machine. */
  host: pulumi.Input<string>;
  port: pulumi.Input<number>;
  key: pulumi.Input<string>;
  title: pulumi.Input<string>;
  hostsApps: pulumi.Input<boolean>;
  rootEmail: pulumi.Input<string>;
  rootPassword: pulumi.Input<string>;
}

/** What is set up inside a running NocoBase: sign-in, title, upload folder, the multi-app manager. */
export class Instance extends pulumi.CustomResource {
  constructor(name: string, args: InstanceArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-docker:index:Instance", name, { ...args, running: undefined }, opts);
  }
}

export type GatewayRouteArgs = GatewayRoute;

export interface GatewayConfigArgs {
  volume: pulumi.Input<string>;
  image: pulumi.Input<string>;
  /** Name of the container that routes. */
  container: pulumi.Input<string>;
  /** Where the gateway answers on this machine. */
  address: pulumi.Input<{ host: string; port: number }>;
  table: pulumi.Input<RoutingTable>;
  /** Configuration of the proxy before it. */
  proxy: pulumi.Input<string>;
  /** Says which program it is. */
  program: pulumi.Input<string>;
}

/** The gateway's program and routes; a change of routes is taken over without a restart. */
export class GatewayConfig extends pulumi.CustomResource {
  constructor(name: string, args: GatewayConfigArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-docker:index:GatewayConfig", name, { ...args }, opts);
  }
}

export interface TenantRoutesArgs {
  /** The tenant's stack; names its file. */
  stack: pulumi.Input<string>;
  /** Container of the platform stack's gateway. */
  container: pulumi.Input<string>;
  address: pulumi.Input<{ host: string; port: number }>;
  routes: pulumi.Input<GatewayRoute[]>;
}

/** A tenant's routes in the gateway of its platform stack; a host or name that another stack has is refused in preview. */
export class TenantRoutes extends pulumi.CustomResource {
  constructor(name: string, args: TenantRoutesArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-docker:index:TenantRoutes", name, { ...args }, opts);
  }
}

export interface NetworkPeersArgs {
  /** Name of a tenant's network. */
  network: pulumi.Input<string>;
  /** Names of containers of its platform stack. */
  peers: pulumi.Input<pulumi.Input<string>[]>;
}

/** Puts the gateway of the platform stack, and servers of it, onto a network of a tenant's own. */
export class NetworkPeers extends pulumi.CustomResource {
  constructor(name: string, args: NetworkPeersArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-docker:index:NetworkPeers", name, { ...args }, opts);
  }
}
