/** The kubernetes platform: a namespace for each instance, with all that is its in it. */
import { createHmac } from "node:crypto";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { namespaceName } from "../../plan/names";
import type { DeletionPolicy, DatabasePlan, InstancePlan, KubernetesPlan, RoutePlan } from "../../plan/types";
import type {
  FilesRequest,
  GatewayHandle,
  GatewayRequest,
  InstanceHandle,
  InstanceRequest,
  Platform,
  ServerEndpoint,
  TenantRoutesRequest,
} from "../types";
import { plainVariables } from "./environment";
import { autoscaler, disruptionBudget } from "./manifests/availability";
import { deployment, isAutoscaled } from "./manifests/deployment";
import { limitRange, namespace, resourceQuota, serviceAccount } from "./manifests/namespace";
import { networkPolicies, type DatabaseAddress } from "./manifests/network-policies";
import type { InstanceFacts, Manifest } from "./manifests/object";
import { filesClaim, variablesSecret } from "./manifests/storage";
import { ingress, service, serviceUrl } from "./manifests/traffic";
import { createObject } from "./objects";

export interface KubernetesPlatformArgs {
  readonly stack: string;
  readonly cluster: KubernetesPlan;
  /** All instances of the plan. */
  readonly instances: readonly InstancePlan[];
  /** Addresses of database servers by key, the platform's for a tenant. */
  readonly servers: Readonly<Record<string, DatabaseAddress>>;
}

/** Largest request body of a tenant's apps: their platform tells its own only to its own gateway. */
const TENANT_UPLOAD_LIMIT_MIB = 1024;

/** What has been made of an instance so far. */
interface Made {
  readonly facts: InstanceFacts;
  readonly provider: kubernetes.Provider;
  readonly files: pulumi.Resource;
  readonly aesKey: pulumi.Output<string>;
}

/** Makes the fleet's parts with the official kubernetes provider, each by server-side apply. */
export class KubernetesPlatform implements Platform {
  readonly attachment: Readonly<Record<string, string>> = {};
  private readonly providers = new Map<string, kubernetes.Provider>();
  private readonly made = new Map<string, Made>();

  constructor(private readonly args: KubernetesPlatformArgs) {}

  managedServer(name: string): ServerEndpoint {
    throw new Error(`${name}: platform kubernetes runs no PostgreSQL server itself`);
  }

  /** Namespace and volume of an instance: what stays where `deletion` says so. */
  files(name: string, request: FilesRequest, options: pulumi.CustomResourceOptions): pulumi.Resource {
    const { instance, deletion, aesKey } = request;
    const facts = this.factsOf(instance);
    const provider = this.providerOf(facts.placement.context ?? this.args.cluster.context);
    const kept = { ...options, provider, ...keptBy(deletion) };
    const space = createObject(`${name}-namespace`, namespace(facts), kept);
    const files = createObject(name, filesClaim(facts), { ...kept, dependsOn: [space] });
    this.made.set(instance, { facts, provider, files, aesKey });
    return files;
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
      ...this.policies(name, plan.database, made, within),
    ];
    const budget = disruptionBudget(facts);
    if (budget) create("budget", budget);
    create("service", service(facts));
    const inputs = { variables: plainVariables(plan, database.sslMode), secretsMark: markOf(secrets) };
    const pods = createObject(name, deployment(facts, inputs), {
      ...within,
      dependsOn: [files, ...bounds],
      ...(isAutoscaled(facts) ? { ignoreChanges: ["spec.replicas"] } : {}),
    });
    const scaler = autoscaler(facts);
    if (scaler) create("autoscaler", scaler, { dependsOn: [pods] });
    return { resource: pods, url: pods.urn.apply(() => serviceUrl(facts)) };
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
    for (const { hosts, instanceName, key } of routes) {
      const { facts, provider, files } = this.madeOf(instanceName);
      const within = { parent: all, provider, dependsOn: [files] };
      createObject(`${name}-${key}`, ingress(facts, hosts, uploadLimitMiB), within);
    }
    return all;
  }

  private policies(
    name: string,
    { server }: DatabasePlan,
    instance: Made,
    options: pulumi.CustomResourceOptions,
  ) {
    const address = this.args.servers[server];
    if (!address) throw new Error(`${name} names database server "${server}", which isn't there`);
    return networkPolicies(instance.facts, address).map((policy) =>
      createObject(`${name}-${policy.metadata.name}`, policy, options),
    );
  }

  private factsOf(instance: string): InstanceFacts {
    const { stack, cluster, instances } = this.args;
    const plan = instances.find(({ name }) => name === instance);
    if (!plan?.placement) throw new Error(`${instance} has no place in a cluster`);
    return { stack, cluster, plan, placement: plan.placement, namespace: namespaceName(stack, instance) };
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

function keptBy(deletion: DeletionPolicy): Pick<pulumi.CustomResourceOptions, "protect" | "retainOnDelete"> {
  return { protect: deletion === "protect", retainOnDelete: deletion === "retain" };
}

/** Changes with the secrets and tells nothing of them. */
function markOf(secrets: pulumi.Output<Record<string, string>>): pulumi.Output<string> {
  const mark = secrets.apply((values) =>
    createHmac("sha256", values.APP_KEY ?? "")
      .update(JSON.stringify(values))
      .digest("hex")
      .slice(0, 16),
  );
  return pulumi.unsecret(mark);
}
