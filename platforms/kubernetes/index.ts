/** The kubernetes platform: a namespace for each instance, with all that is its in it. */
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { namespaceName } from "../../plan/names";
import type { DeletionPolicy, InstancePlan, KubernetesPlan, RoutePlan } from "../../plan/types";
import type { InstanceAddress } from "../../providers/kubernetes/instance-pods";
import { AppFiles, Instance } from "../../providers/kubernetes/resources";
import type {
  FilesRequest,
  GatewayHandle,
  GatewayRequest,
  InstanceHandle,
  InstanceRequest,
  OperatedServer,
  OperatedServerRequest,
  Platform,
  ServerEndpoint,
  TenantRoutesRequest,
} from "../types";
import { createOperatedServer } from "./database-server";
import { plainVariables } from "./environment";
import { autoscaler, disruptionBudget } from "./manifests/availability";
import { deployment, isAutoscaled, nocobaseImage } from "./manifests/deployment";
import { limitRange, namespace, resourceQuota, serviceAccount } from "./manifests/namespace";
import { networkPolicies, toDatabases, type DatabaseAddress } from "./manifests/network-policies";
import { DATABASE_SERVER, type InstanceFacts, type Manifest, type Place } from "./manifests/object";
import { filesClaim, variablesSecret } from "./manifests/storage";
import { pullSecret, pullSecretNames } from "./manifests/registries";
import { service, serviceUrl, trafficRoute } from "./manifests/traffic";
import { createObject } from "./objects";
import { markOf } from "./secrets-mark";

export interface KubernetesPlatformArgs {
  readonly stack: string;
  readonly cluster: KubernetesPlan;
  /** All instances of the plan. */
  readonly instances: readonly InstancePlan[];
  /** Addresses of database servers by key, the platform's for a tenant. */
  readonly servers: Readonly<Record<string, DatabaseAddress>>;
  /** Key of the server with the fleet's registry, where there is one. */
  readonly registryServer?: string;
  /** Passwords of the cluster's registries of images, by key. */
  readonly registryPasswords: Readonly<Record<string, pulumi.Input<string>>>;
  /** For a tenant: environments and entry app of its platform, by the instance's name. */
  readonly hosts?: Readonly<Record<string, PlatformHost>>;
}

/** An instance of another stack that hosts apps of this one, or shows them. */
export interface PlatformHost {
  readonly address: InstanceAddress;
  /** Servers of this stack that hold databases of apps in it. */
  readonly databases: readonly DatabaseAddress[];
}

/** Largest request body of a tenant's apps: their platform tells its own only to its own gateway. */
const TENANT_UPLOAD_LIMIT_MIB = 1024;

/** Where apps inside an instance have their objects. */
interface Ground {
  readonly facts: Place;
  readonly address: InstanceAddress;
  readonly provider: kubernetes.Provider;
  /** What comes before them. */
  readonly dependsOn: readonly pulumi.Resource[];
}

/** What has been made of an instance so far. */
interface Made {
  readonly facts: InstanceFacts;
  readonly provider: kubernetes.Provider;
  readonly files: pulumi.Resource;
  readonly aesKey: pulumi.Output<string>;
  /** Once it takes requests; undefined before it was made. */
  readonly pods?: pulumi.Resource;
}

/** Makes the fleet's parts with the official kubernetes provider, each by server-side apply. */
export class KubernetesPlatform implements Platform {
  readonly attachment: Readonly<Record<string, string>>;
  private readonly providers = new Map<string, kubernetes.Provider>();
  private readonly made = new Map<string, Made>();
  private readonly hosts = new Map<string, Ground>();

  constructor(private readonly args: KubernetesPlatformArgs) {
    this.attachment = { stack: args.stack };
  }

  managedServer(name: string): ServerEndpoint {
    throw new Error(`${name}: platform kubernetes runs no PostgreSQL server itself`);
  }

  operatedServer(
    name: string,
    request: OperatedServerRequest,
    options: pulumi.CustomResourceOptions,
  ): OperatedServer {
    const { stack, cluster, instances } = this.args;
    const { key, name: server, namespace, context = cluster.context } = request.plan;
    const place = { stack, cluster, namespace, plan: { name: server, kind: DATABASE_SERVER } } as const;
    const users = instances
      .filter(({ database, hostsApps }) => hostsApps || database.server === key)
      .map((instance) => namespaceName(stack, instance.name));
    return createOperatedServer(
      name,
      request,
      { place, provider: this.providerOf(context), context, users },
      options,
    );
  }

  /** Namespace and volume of an instance: what stays where `deletion` says so. */
  files(name: string, request: FilesRequest, options: pulumi.CustomResourceOptions): pulumi.Resource {
    const { instance, deletion, aesKey, appName } = request;
    if (appName !== "main") return this.hostedFiles(name, request, options);
    const facts = this.factsOf(instance);
    const provider = this.providerOf(this.contextOf(facts));
    const kept = { ...options, provider, ...keptBy(deletion) };
    const space = createObject(`${name}-namespace`, namespace(facts), kept);
    const claim = createObject(name, filesClaim(facts), { ...kept, dependsOn: [space] });
    const within = { ...options, provider, dependsOn: [space] };
    const pull = pullSecret(facts, this.args.registryPasswords);
    const made = pull ? [claim, createObject(`${name}-registries`, pull, within)] : [claim];
    const ground = { facts, address: this.addressOf(facts) };
    const files = this.guard(name, request, ground, {
      ...options,
      dependsOn: [...dependencies(options), ...made],
    });
    this.made.set(instance, { facts, provider, files, aesKey });
    return files;
  }

  /** In the volume of the instance that hosts the app. */
  private hostedFiles(
    name: string,
    request: FilesRequest,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const ground = this.groundOf(request.instance);
    const pods = this.made.get(request.instance)?.pods;
    const dependsOn = [...dependencies(options), ...ground.dependsOn, ...(pods ? [pods] : [])];
    return this.guard(name, request, ground, { ...options, dependsOn });
  }

  private guard(
    name: string,
    request: FilesRequest,
    { facts: { cluster }, address }: Pick<Ground, "facts" | "address">,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const { key, name: backupName, appName, aesKey, deletion, database, release } = request;
    return new AppFiles(
      `${name}-data`,
      {
        ...{ key, name: backupName, appName, aesKey, deletion, database, release },
        address,
        image: nocobaseImage(cluster, release),
        pullSecrets: pullSecretNames(cluster),
      },
      options,
    );
  }

  /** How this machine reaches an instance: its address leads there within the cluster only. */
  clusterOf(instance: string): InstanceAddress {
    return this.groundOf(instance).address;
  }

  instance(name: string, request: InstanceRequest, options: pulumi.CustomResourceOptions): InstanceHandle {
    const { plan, database, secretEnv } = request;
    const made = this.madeOf(plan.name);
    const { facts, provider, files, aesKey } = made;
    const within = { ...options, provider, dependsOn: [files] };
    const create = (suffix: string, manifest: Manifest, more: pulumi.CustomResourceOptions = {}) =>
      createObject(`${name}-${suffix}`, manifest, { ...within, ...more });

    const secrets = pulumi.secret(
      pulumi.all({
        ...secretEnv,
        APP_AES_SECRET_KEY: aesKey,
        DB_HOST: database.host,
        DB_PORT: database.port.apply(String),
        DB_DATABASE: database.name,
        DB_USER: database.user,
        DB_PASSWORD: database.password,
      }),
    );
    const bounds = [
      create("quota", resourceQuota(facts)),
      create("limits", limitRange(facts)),
      create("account", serviceAccount(facts)),
      create("variables", variablesSecret(facts, secrets)),
      ...this.policies(name, plan, made, within),
    ];
    const budget = disruptionBudget(facts);
    if (budget) create("budget", budget);
    create("service", service(facts));
    const inputs = {
      variables: plainVariables(plan, serviceUrl(facts), database.sslMode),
      secretsMark: markOf(secrets),
    };
    const pods = createObject(name, deployment(facts, inputs), {
      ...within,
      dependsOn: [files, ...bounds],
      ...(isAutoscaled(facts) ? { ignoreChanges: ["spec.replicas"] } : {}),
    });
    const scaler = autoscaler(facts);
    if (scaler) create("autoscaler", scaler, { dependsOn: [pods] });
    const resource = plan.hostsApps ? this.setUp(name, request, pods, options) : pods;
    this.made.set(plan.name, { ...made, pods: resource });
    return { resource, url: resource.urn.apply(() => serviceUrl(facts)) };
  }

  /** What only NocoBase's own API can: it is asked through the API server. */
  private setUp(
    name: string,
    { plan, rootPassword }: InstanceRequest,
    pods: pulumi.CustomResource,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const { facts } = this.madeOf(plan.name);
    const { key, title, hostsApps, root } = plan;
    return new Instance(
      `${name}-setup`,
      {
        ...{ name: plan.name, key, title, hostsApps, rootPassword, rootEmail: root.email },
        address: this.addressOf(facts),
        deployment: pods.id,
      },
      { ...options, dependsOn: [pods] },
    );
  }

  addresses(plan: InstancePlan): readonly string[] {
    return [serviceUrl(this.factsOf(plan.name))];
  }

  /** Each instance has an ingress in its own namespace; the cluster's controller is the gateway. */
  gateway(name: string, { plan }: GatewayRequest, options: pulumi.CustomResourceOptions): GatewayHandle {
    const ingresses = this.ingresses(name, plan.routes, plan.uploadLimitMiB, options);
    return { resource: ingresses, url: pulumi.output(plan.url) };
  }

  tenantRoutes(
    name: string,
    request: TenantRoutesRequest,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    return this.ingresses(name, request.routes, TENANT_UPLOAD_LIMIT_MIB, options);
  }

  private ingresses(
    name: string,
    routes: readonly RoutePlan[],
    uploadLimitMiB: number,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const all = new pulumi.ComponentResource("nocobase-fleet:kubernetes:Ingresses", name, {}, options);
    for (const { hosts, instanceName, key, isolation, state } of routes) {
      const { facts, provider, dependsOn } = this.groundOf(instanceName);
      const within = { parent: all, provider, dependsOn: [...dependsOn] };
      const isHosted = isolation === "shared";
      // Any request would start a stopped app inside its host.
      if (isHosted && state === "stopped") continue;
      const route = { hosts, uploadLimitMiB, ...(isHosted ? { hostedApp: key } : {}) };
      createObject(`${name}-${key}`, trafficRoute(facts, route), within);
    }
    return all;
  }

  private policies(
    name: string,
    { database: { server }, hostsApps }: InstancePlan,
    instance: Made,
    options: pulumi.CustomResourceOptions,
  ) {
    const { servers, registryServer = server } = this.args;
    if (!servers[server]) throw new Error(`${name} names database server "${server}", which isn't there`);
    // A hosted app's database may be on any of them, and the app may be another stack's.
    const addresses = Object.entries(servers).flatMap(([key, address]) =>
      hostsApps || key === server || key === registryServer ? [address] : [],
    );
    return networkPolicies(instance.facts, addresses).map((policy) =>
      createObject(`${name}-${policy.metadata.name}`, policy, options),
    );
  }

  private factsOf(instance: string): InstanceFacts {
    const { stack, cluster, instances } = this.args;
    const plan = instances.find(({ name }) => name === instance);
    if (!plan?.placement) throw new Error(`${instance} has no place in a cluster`);
    return { stack, cluster, plan, placement: plan.placement, namespace: namespaceName(stack, instance) };
  }

  private contextOf({ placement }: InstanceFacts): string | undefined {
    return placement.context ?? this.args.cluster.context;
  }

  private addressOf(facts: InstanceFacts): InstanceAddress {
    const context = this.contextOf(facts);
    return { namespace: facts.namespace, ...(context === undefined ? {} : { context }) };
  }

  /** Of this stack's instance, or of one of its platform's. */
  private groundOf(instance: string): Ground {
    const made = this.made.get(instance);
    if (made) {
      const { facts, provider, files } = made;
      return { facts, provider, address: this.addressOf(facts), dependsOn: [files] };
    }
    const known = this.hosts.get(instance) ?? this.hostedBy(instance);
    this.hosts.set(instance, known);
    return known;
  }

  /** Its stack lets it reach its own database servers, not those of a tenant. */
  private hostedBy(instance: string): Ground {
    const { stack, cluster, hosts = {} } = this.args;
    const host = hosts[instance];
    if (!host) throw new Error(`${instance} is neither an instance of stack ${stack} nor of its platform`);
    const { address, databases } = host;
    const provider = this.providerOf(address.context);
    const plan = { name: instance, kind: "environment" as const };
    const facts = { stack, cluster, plan, namespace: address.namespace };
    if (databases.length === 0) return { facts, address, provider, dependsOn: [] };
    const policy = toDatabases(facts, namespaceName(stack, "to-database"), databases);
    return {
      facts,
      address,
      provider,
      dependsOn: [createObject(`${instance}-to-database`, policy, { provider })],
    };
  }

  private madeOf(instance: string): Made {
    const made = this.made.get(instance);
    if (!made) throw new Error(`${instance} has no files yet`);
    return made;
  }

  /** One provider for each cluster. */
  private providerOf(context = ""): kubernetes.Provider {
    const known = this.providers.get(context);
    if (known) return known;
    const name = context === "" ? "cluster" : `cluster-${context}`;
    const made = new kubernetes.Provider(name, {
      ...(context === "" ? {} : { context }),
      enableServerSideApply: true,
      enableSecretMutable: true,
    });
    this.providers.set(context, made);
    return made;
  }
}

/** A backup lies in the volume. */
function keptBy(deletion: DeletionPolicy): Pick<pulumi.CustomResourceOptions, "protect" | "retainOnDelete"> {
  return { protect: deletion === "protect", retainOnDelete: ["retain", "backup"].includes(deletion) };
}

function dependencies({ dependsOn }: pulumi.CustomResourceOptions): pulumi.Resource[] {
  if (dependsOn === undefined) return [];
  return (Array.isArray(dependsOn) ? dependsOn : [dependsOn]) as pulumi.Resource[];
}
