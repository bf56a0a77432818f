/** A valid stack file with every default in its place: what the planner works on. Deeply frozen plain data. */
import type {
  AppState,
  AutoscalePlan,
  CloudnativepgSettings,
  DeletionPolicy,
  ImagesPlan,
  KubernetesPlacement,
  KubernetesPlan,
  PlatformName,
  RegistryPlan,
  ResourceLimits,
  Supervisor,
  TlsPlan,
  Topology,
} from "../plan/types";

export interface FleetSpec {
  readonly stack: string;
  /** Tenants only: the stack whose environments, servers and gateway its apps use. */
  readonly platformStack?: string;
  readonly platform: PlatformName;
  readonly images: ImagesPlan;
  readonly registries: Readonly<Record<string, RegistryPlan>>;
  readonly kubernetes: KubernetesSpec;
  readonly gateway: GatewaySpec;
  readonly databaseServers: Readonly<Record<string, DatabaseServerSpec>>;
  readonly entry: InstanceSpec;
  readonly environments: Readonly<Record<string, InstanceSpec>>;
  readonly apps: Readonly<Record<string, AppSpec>>;
  /** What the author says the fleet is; undefined where nothing is said. */
  readonly topology?: Topology;
  /** What the author chose; undefined where nothing is said. */
  readonly supervisor?: Supervisor;
  /** Processes that have a licence key of NocoBase's, sorted; the keys stay with Pulumi. */
  readonly licenses: readonly string[];
}

/** `image` may be missing on other platforms. */
export type KubernetesSpec = Omit<KubernetesPlan, "image" | "registries"> & { readonly image?: string };

export interface GatewaySpec {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly tls?: TlsPlan;
  readonly uploadLimitMiB: number;
}

export interface ManagedServerSpec {
  readonly kind: "managed";
  readonly port?: number;
  readonly maxConnections: number;
}

export interface ExternalServerSpec {
  readonly kind: "external";
  readonly host: string;
  readonly port: number;
  readonly adminUser: string;
  readonly sslMode: "disable" | "require" | "verify-ca" | "verify-full";
  readonly maintenanceDatabase: string;
  readonly superuser: boolean;
}

export type CloudnativepgServerSpec = CloudnativepgSettings & { readonly kind: "cloudnativepg" };

export type DatabaseServerSpec = ManagedServerSpec | ExternalServerSpec | CloudnativepgServerSpec;

export interface DatabaseSpec {
  readonly server: string;
  readonly name?: string;
  readonly connectionLimit: number;
}

/** What the entry app, an environment and any app have. */
export interface CommonSpec {
  readonly title: string;
  readonly database: DatabaseSpec;
  readonly rootEmail: string;
  readonly passwordGeneration: number;
  readonly deletion: DeletionPolicy;
}

/** One NocoBase process. */
export interface InstanceSpec extends CommonSpec {
  readonly release: string;
  readonly port?: number;
  readonly env: Readonly<Record<string, string>>;
  /** Names of its secret environment variables, sorted; the values stay with Pulumi. */
  readonly secretEnv: readonly string[];
  readonly heapLimitMiB?: number;
  readonly resources: ResourceLimits;
  /** Processes that serve it; 1 for environments. The fewest where an autoscaler decides. */
  readonly replicas: number;
  readonly autoscale?: AutoscalePlan;
  readonly placement: KubernetesPlacement;
}

interface AppCommonSpec {
  /** Custom host names in lower case. */
  readonly domains: readonly string[];
}

export interface SharedAppSpec extends CommonSpec, AppCommonSpec {
  readonly isolation: "shared";
  readonly state: AppState;
  /** "entry" or an environment's key. */
  readonly host: string;
  readonly startMode: "auto" | "lazy";
}

export interface DedicatedAppSpec extends InstanceSpec, AppCommonSpec {
  readonly isolation: "dedicated";
  readonly state: AppState;
}

export type AppSpec = SharedAppSpec | DedicatedAppSpec;
