/** The local platform: PostgreSQL, NocoBase and the gateway as supervised processes on this machine. */
import type * as pulumi from "@pulumi/pulumi";
import type { InstancePlan, RoutePlan } from "../../plan/types";
import * as local from "../../providers/local/resources";
import type {
  FilesRequest,
  GatewayHandle,
  GatewayRequest,
  InstanceHandle,
  InstanceRequest,
  ManagedServerRequest,
  Platform,
  ServerEndpoint,
  TenantRoutesRequest,
} from "../types";

export interface LocalPlatformArgs {
  /** Absolute folder of this stack's processes, data and logs. */
  root: string;
  /** NocoBase versions to have installed. */
  releases: readonly string[];
  /** A tenant's: the {@link LocalPlatform.attachment} of its platform stack. */
  readonly attachedTo?: Readonly<Record<string, string>>;
}

/** Makes the fleet's parts with the `nocobase-local` provider. */
export class LocalPlatform implements Platform {
  private readonly provider: local.Provider;
  private readonly releases: ReadonlyMap<string, local.Release>;
  readonly attachment: Readonly<Record<string, string>>;
  private readonly platformRoot?: string;

  constructor(args: LocalPlatformArgs) {
    this.attachment = { root: args.root };
    this.platformRoot = args.attachedTo?.root;
    this.provider = new local.Provider("local", { root: args.root });
    this.releases = new Map(
      args.releases.map((version) => [
        version,
        new local.Release(`nocobase-${version}`, { version }, { provider: this.provider }),
      ]),
    );
  }

  managedServer(
    name: string,
    request: ManagedServerRequest,
    options: pulumi.CustomResourceOptions,
  ): ServerEndpoint {
    const { plan, adminPassword } = request;
    const server = new local.PostgresServer(
      name,
      {
        name: plan.name,
        port: plan.port,
        adminUser: plan.adminUser,
        adminPassword,
        maxConnections: plan.maxConnections,
      },
      { ...options, provider: this.provider },
    );
    return { resource: server, host: server.host, port: server.port };
  }

  files(name: string, request: FilesRequest, options: pulumi.CustomResourceOptions): pulumi.Resource {
    const { key, name: folder, instance, hostedByPlatform, appName, aesKey, deletion, database } = request;
    return new local.AppFiles(
      name,
      {
        ...{ key, name: folder, instance, appName, aesKey, deletion, database },
        instanceRoot: hostedByPlatform ? this.platformRoot : undefined,
      },
      { ...options, provider: this.provider },
    );
  }

  instance(name: string, request: InstanceRequest, options: pulumi.CustomResourceOptions): InstanceHandle {
    const { plan, database, secretEnv, rootPassword } = request;
    const release = this.releases.get(plan.release);
    if (!release)
      throw new Error(`${plan.name} runs NocoBase ${plan.release}, which the plan's releases lack`);
    const instance = new local.Instance(
      name,
      {
        name: plan.name,
        key: plan.key,
        title: plan.title,
        release: release.version,
        host: plan.host,
        port: plan.port,
        database,
        state: plan.state,
        env: plan.env,
        secretEnv,
        hostsApps: plan.hostsApps,
        rootEmail: plan.root.email,
        rootPassword,
        heapLimitMiB: plan.heapLimitMiB,
        replicas: plan.replicas.length,
        replicaPorts: plan.replicas.slice(1).map(({ port }) => port),
        resources: plan.resources,
      },
      { ...options, provider: this.provider },
    );
    return { resource: instance, url: instance.url };
  }

  gateway(name: string, request: GatewayRequest, options: pulumi.CustomResourceOptions): GatewayHandle {
    const { plan, targets } = request;
    const routes = routesTo(plan.routes, targets);
    const { host, port, domain, uploadLimitMiB } = plan;
    const gateway = new local.Gateway(
      name,
      { host, port, domain, uploadLimitMiB, routes },
      { ...options, provider: this.provider },
    );
    return { resource: gateway, url: gateway.url };
  }

  addresses({ host, replicas }: InstancePlan): readonly string[] {
    return replicas.map(({ port }) => `http://${host}:${port}`);
  }

  tenantRoutes(
    name: string,
    request: TenantRoutesRequest,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const { stack, gateway, routes, targets } = request;
    if (this.platformRoot === undefined) throw new Error(`${stack} is attached to no platform stack`);
    return new local.TenantRoutes(
      name,
      { stack, platformRoot: this.platformRoot, gateway, routes: routesTo(routes, targets) },
      { ...options, provider: this.provider },
    );
  }
}

function routesTo(
  routes: readonly RoutePlan[],
  targets: Readonly<Record<string, pulumi.Input<string>>>,
): local.GatewayRouteArgs[] {
  return routes.map(({ instance, instanceName, hosts, ...route }) => {
    const target = targets[instance];
    if (!target) throw new Error(`the route of ${route.key} names instance "${instance}", which isn't there`);
    return { ...route, hosts: [...hosts], target, instance: instanceName };
  });
}
