/** The docker platform: PostgreSQL, NocoBase and the gateway as containers. */
import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { ImagesPlan, InstancePlan } from "../../plan/types";
import { AppFiles, TenantRoutes } from "../../providers/docker/resources";
import type {
  DatabaseConnection,
  FilesRequest,
  GatewayHandle,
  GatewayRequest,
  InstanceHandle,
  InstanceRequest,
  ManagedServerRequest,
  Platform,
  RedisEndpoint,
  RedisRequest,
  ServerEndpoint,
  TenantRoutesRequest,
} from "../types";
import type { Neighbours } from "./attachment";
import { DockerFleet, type RegistrySignIn } from "./fleet";
import { createGateway, dockerRoutes } from "./gateway";
import { createInstance } from "./instance";
import { dockerName, networkName, replicaUrl, routerName } from "./names";
import { createRedis } from "./redis";
import { createServer, serverHost } from "./server";

export interface DockerPlatformArgs {
  readonly stack: string;
  readonly images: ImagesPlan;
  /** Registries that ask for a sign-in. */
  readonly registries: readonly RegistrySignIn[];
  /** NocoBase versions in use. */
  readonly releases: readonly string[];
  /** Folder of this machine for backups. */
  readonly root: string;
  /** A tenant's. */
  readonly neighbours?: Neighbours;
  /** A tenant's: the {@link DockerPlatform.attachment} of its platform stack. */
  readonly attachedTo?: Readonly<Record<string, string>>;
}

/** Makes the fleet's parts with the official docker provider, and what is inside them with `nocobase-docker`. */
export class DockerPlatform implements Platform {
  readonly attachment: Readonly<Record<string, string>>;
  private readonly fleet: DockerFleet;
  /** Storage volumes by instance. */
  private readonly storages = new Map<string, docker.Volume>();
  /** Host names of the servers that this stack runs. */
  private readonly ownHosts = new Set<string>();
  /** Names of the replicas by instance. */
  private readonly replicas = new Map<string, readonly string[]>();

  constructor(private readonly args: DockerPlatformArgs) {
    const { stack, images, registries, releases, attachedTo, neighbours } = args;
    this.fleet = new DockerFleet({
      stack,
      images,
      registries,
      release: releases[0] ?? attachedTo?.release ?? "",
      platform:
        attachedTo?.network === undefined || !neighbours
          ? undefined
          : { network: attachedTo.network, gateway: attachedTo.gateway ?? "", ...neighbours },
    });
    this.attachment = {
      stack,
      owner: this.fleet.owner,
      network: networkName(stack),
      gateway: routerName(stack),
      images: JSON.stringify(images),
      release: releases[0] ?? "",
    };
  }

  managedServer(
    name: string,
    request: ManagedServerRequest,
    options: pulumi.CustomResourceOptions,
  ): ServerEndpoint {
    this.ownHosts.add(serverHost(this.fleet, request.plan));
    return createServer(this.fleet, name, request, options);
  }

  redis(name: string, request: RedisRequest, options: pulumi.CustomResourceOptions): RedisEndpoint {
    return createRedis(this.fleet, name, request, options);
  }

  files(name: string, request: FilesRequest, options: pulumi.CustomResourceOptions): pulumi.Resource {
    const { key, name: backupName, instance, hostedByPlatform, appName, release } = request;
    const { aesKey, deletion, database } = request;
    const attached = hostedByPlatform ? this.args.attachedTo : undefined;
    const volume = attached
      ? dockerName(attached.stack ?? "", instance)
      : appName === "main"
        ? this.storage(name, request, options)
        : this.storageOf(instance);
    return new AppFiles(
      name,
      {
        key,
        name: backupName,
        volume,
        volumeStack: attached?.owner,
        appName,
        release,
        image: this.fleet.image("nocobase"),
        owner: this.fleet.profile.nocobase.owner,
        network: this.networkOf(database),
        backupRoot: this.args.root,
        aesKey,
        deletion,
        database,
      },
      { ...options, provider: this.fleet.contents },
    );
  }

  instance(name: string, request: InstanceRequest, options: pulumi.CustomResourceOptions): InstanceHandle {
    const { plan } = request;
    const storage = this.storageOf(plan.name);
    this.replicas.set(
      plan.name,
      plan.replicas.map((replica) => replica.name),
    );
    return createInstance(this.fleet, name, { ...request, storage }, options);
  }

  gateway(
    name: string,
    { plan, targets }: GatewayRequest,
    options: pulumi.CustomResourceOptions,
  ): GatewayHandle {
    const addressesOf = (instance: string) => this.addressesOf(instance);
    return createGateway(this.fleet, name, { plan, targets, addressesOf }, options);
  }

  tenantRoutes(
    name: string,
    request: TenantRoutesRequest,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const { stack, gateway, routes } = request;
    const container = this.args.attachedTo?.gateway;
    if (container === undefined) throw new Error(`${stack} is attached to no platform stack`);
    return new TenantRoutes(
      name,
      {
        stack,
        container,
        address: { host: gateway.host, port: gateway.port },
        routes: dockerRoutes(routes, (instance) => this.addressesOf(instance)),
      },
      { ...options, provider: this.fleet.contents },
    );
  }

  /** The volume of an instance's own files. */
  private storage(
    name: string,
    { instance, deletion }: FilesRequest,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Output<string> {
    const volume = this.fleet.volume(`${name}-volume`, instance, {
      ...options,
      // The files in it are protected by their own resource; a volume that they moved out of may go.
      protect: false,
      retainOnDelete: deletion === "retain",
    });
    this.storages.set(instance, volume);
    return volume.name;
  }

  /** The network on which a database answers; an external server does so on any. */
  private networkOf({ host }: DatabaseConnection): pulumi.Output<string> {
    const { platform } = this.fleet.args;
    if (!platform) return this.fleet.network;
    if (this.ownHosts.size === 0) return pulumi.output(platform.network);
    return pulumi
      .all([host, this.fleet.network])
      .apply(([name, own]) => (this.ownHosts.has(name) ? own : platform.network));
  }

  /** Of an instance whose files were made before. */
  private storageOf(instance: string): pulumi.Output<string> {
    const volume = this.storages.get(instance);
    if (!volume) throw new Error(`${instance} has no files yet`);
    return volume.name;
  }

  addresses({ replicas }: InstancePlan): readonly string[] {
    return replicas.map(({ name }) => replicaUrl(name, this.fleet.profile.nocobase.port));
  }

  private addressesOf(instance: string): string[] {
    const names = this.replicas.get(instance) ?? [instance];
    return names.map((name) => replicaUrl(name, this.fleet.profile.nocobase.port));
  }
}
