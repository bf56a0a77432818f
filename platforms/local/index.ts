/** The local platform: PostgreSQL, NocoBase and the gateway as supervised processes on this machine. */
import type * as pulumi from "@pulumi/pulumi";
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
} from "../types";

export interface LocalPlatformArgs {
  /** Absolute folder of this stack's processes, data and logs. */
  root: string;
  /** NocoBase versions to have installed. */
  releases: readonly string[];
}

/** Makes the fleet's parts with the `nocobase-local` provider. */
export class LocalPlatform implements Platform {
  private readonly provider: local.Provider;
  private readonly releases: ReadonlyMap<string, local.Release>;

  constructor(args: LocalPlatformArgs) {
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
    return new local.AppFiles(name, { ...request }, { ...options, provider: this.provider });
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
    const routes = plan.routes.map(({ instance, instanceName, hosts, ...route }) => {
      const target = targets[instance];
      if (!target)
        throw new Error(`the route of ${route.key} names instance "${instance}", which the fleet lacks`);
      return { ...route, hosts: [...hosts], target, instance: instanceName };
    });
    const { host, port, domain, uploadLimitMiB } = plan;
    const gateway = new local.Gateway(
      name,
      { host, port, domain, uploadLimitMiB, routes },
      { ...options, provider: this.provider },
    );
    return { resource: gateway, url: gateway.url };
  }
}
