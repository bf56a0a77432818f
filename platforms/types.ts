/** What a platform does for components. Local processes, Docker and Kubernetes each implement it once. */
import type * as pulumi from "@pulumi/pulumi";
import type {
  CloudnativepgServerPlan,
  DatabasePlan,
  DeletionPolicy,
  GatewayPlan,
  InstancePlan,
  ManagedServerPlan,
  PlatformFacts,
  RoutePlan,
} from "../plan/types";

/** A running PostgreSQL server as clients reach it. */
export interface ServerEndpoint {
  /** What must exist before anything connects. */
  readonly resource: pulumi.Resource;
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
}

/** How an app's own role reaches its database. */
export interface DatabaseConnection {
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  readonly name: pulumi.Output<string>;
  readonly user: pulumi.Output<string>;
  readonly password: pulumi.Output<string>;
  readonly sslMode: string;
}

export interface ManagedServerRequest {
  readonly plan: ManagedServerPlan;
  readonly adminPassword: pulumi.Output<string>;
}

/** Sign-in to an object store, as S3 has it. */
export type ObjectStoreKeys = Readonly<Record<"accessKeyId" | "secretAccessKey", pulumi.Output<string>>>;

export interface OperatedServerRequest {
  readonly plan: CloudnativepgServerPlan;
  /** All that are to be on it. */
  readonly databases: readonly DatabasePlan[];
  /** Where it has backups, or begins with some. */
  readonly objectStoreKeys?: ObjectStoreKeys;
}

export interface OperatedDatabaseRequest {
  readonly plan: DatabasePlan;
  /** The role's. */
  readonly password: pulumi.Output<string>;
}

/** A server whose roles and databases are objects that an operator reads: nobody signs in to make them. */
export interface OperatedServer extends ServerEndpoint {
  /** @param key of the owner @returns what must exist before anything signs in */
  database(
    key: string,
    request: OperatedDatabaseRequest,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource;
}

export interface RedisRequest {
  /** Letters and digits. */
  readonly password: pulumi.Output<string>;
}

export interface RedisEndpoint {
  /** What must exist before anything connects. */
  readonly resource: pulumi.Resource;
  /** `redis://:<password>@<host>:<port>/0`, a secret. */
  readonly url: pulumi.Output<string>;
}

export interface FilesRequest {
  /** Key of the app; the subfolder of its uploads. */
  readonly key: string;
  /** Name of the folder or volume, e.g. `app-crm`. */
  readonly name: string;
  /** Name of the instance that serves these files now. */
  readonly instance: string;
  /** True where that instance is the platform stack's, not this tenant's own. */
  readonly hostedByPlatform?: boolean;
  /** The app's name inside that instance: `main`, or its key where it is shared. */
  readonly appName: string;
  /** NocoBase version that it runs with. */
  readonly release: string;
  readonly aesKey: pulumi.Output<string>;
  readonly deletion: DeletionPolicy;
  readonly database: DatabaseConnection;
}

export interface InstanceRequest {
  readonly plan: InstancePlan;
  readonly database: DatabaseConnection;
  /** Secret environment variables by name. */
  readonly secretEnv: Readonly<Record<string, pulumi.Output<string>>>;
  readonly rootPassword: pulumi.Output<string>;
  /** Its licence key for NocoBase's commercial plugins, where it has one. */
  readonly license?: pulumi.Output<string>;
}

export interface GatewayRequest {
  readonly plan: GatewayPlan;
  /** Address of each instance by its key (`entry`, environment, dedicated app). */
  readonly targets: Readonly<Record<string, pulumi.Output<string>>>;
}

export interface TenantRoutesRequest {
  /** The tenant's stack. */
  readonly stack: string;
  readonly gateway: PlatformFacts["gateway"];
  readonly routes: readonly RoutePlan[];
  /** Address of each instance by its key: environments of the platform, dedicated apps. */
  readonly targets: Readonly<Record<string, pulumi.Input<string>>>;
}

export interface InstanceHandle {
  readonly resource: pulumi.Resource;
  /** Address that other parts of the fleet reach it at. */
  readonly url: pulumi.Output<string>;
}

export interface GatewayHandle {
  readonly resource: pulumi.Resource;
  /** Address that people open. */
  readonly url: pulumi.Output<string>;
}

/** Each method makes one thing, named under `options.parent`. */
export interface Platform {
  /** What a tenant's stack needs to attach to this one, for {@link PlatformFacts}; no secrets. */
  readonly attachment: Readonly<Record<string, string>>;
  managedServer(
    name: string,
    request: ManagedServerRequest,
    options: pulumi.CustomResourceOptions,
  ): ServerEndpoint;
  /** Only where the platform has `kind: cloudnativepg`. */
  operatedServer?(
    name: string,
    request: OperatedServerRequest,
    options: pulumi.CustomResourceOptions,
  ): OperatedServer;
  /** Only where the platform has `supervisor: official`. */
  redis?(name: string, request: RedisRequest, options: pulumi.CustomResourceOptions): RedisEndpoint;
  files(name: string, request: FilesRequest, options: pulumi.CustomResourceOptions): pulumi.Resource;
  instance(name: string, request: InstanceRequest, options: pulumi.CustomResourceOptions): InstanceHandle;
  /** Where an instance runs in a cluster, which this machine reaches through its API server alone. */
  clusterOf?(instance: string): { readonly context?: string; readonly namespace: string };
  gateway(name: string, request: GatewayRequest, options: pulumi.CustomResourceOptions): GatewayHandle;
  /** Where the rest of the fleet reaches the processes of an instance, from the plan alone. */
  addresses(plan: InstancePlan): readonly string[];
  /** Tells the platform stack's gateway of a tenant's apps; in force once it exists or was updated. */
  tenantRoutes(
    name: string,
    request: TenantRoutesRequest,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource;
}
