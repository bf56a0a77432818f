/**
 * The fleet plan: everything that follows from a stack file, decided before any resource exists.
 * Plain data, no Pulumi types; the same spec always gives the same plan.
 */
import type { DatabaseServerPlan, ExternalServerPlan } from "./database-servers";

export type * from "./database-servers";

/** What becomes of an app's database and files when it leaves the stack file. */
export type DeletionPolicy = "protect" | "backup" | "retain" | "delete";
export type PlatformName = "local" | "docker" | "kubernetes";
export type Topology = "single" | "shared" | "hybrid";
/** What makes the entry app the control plane. */
export type Supervisor = "open" | "official" | "none";
export type Isolation = "shared" | "dedicated";
/** `running` serves; `stopped` keeps database and files, and answers with the gateway's page. */
export type DeclaredState = "running" | "stopped";
/** Of an app; `operator` is left as people start and stop it. */
export type AppState = DeclaredState | "operator";

/** Limits of one process; absent means none. */
export interface ResourceLimits {
  readonly memoryMiB?: number;
  /** Thousandths of a core. */
  readonly cpuMillis?: number;
}

/** Images that a fleet on Docker needs; `node` runs the gateway, `redis` only an official supervisor needs. */
export type ImageName = "nocobase" | "node" | "postgres" | "proxy" | "redis";

export interface ImagesPlan {
  /** `official`: those that the makers publish; `local`: those that `fleet images build` makes. */
  readonly source: "official" | "local";
  /** Names in place of the source's, e.g. in a registry of one's own. */
  readonly names: Readonly<Partial<Record<ImageName, string>>>;
}

/** A registry of images that asks for a sign-in. */
export interface RegistryPlan {
  /** As it stands before the first slash of an image's name. */
  readonly address: string;
  readonly username: string;
}

/** The cluster of platform kubernetes. */
export interface KubernetesPlan {
  /** `{version}` stands for the release. */
  readonly image: string;
  /** Registries that ask for a sign-in, by key. */
  readonly registries: Readonly<Record<string, RegistryPlan>>;
  /** Takes the place of `ingress`. */
  readonly gatewayApi?: { readonly name: string; readonly namespace: string; readonly https: boolean };
  /** Of the kubeconfig; undefined is its current one. */
  readonly context?: string;
  readonly ingress: {
    readonly class?: string;
    /** Namespace of the controller, which alone reaches the apps. */
    readonly controllerNamespace: string;
    /** cert-manager's ClusterIssuer; addresses are https where there is one. */
    readonly issuer?: string;
    readonly annotations: Readonly<Record<string, string>>;
  };
  /** What apps may connect to beside DNS and their database. */
  readonly egress: readonly { readonly cidr: string; readonly port: number }[];
}

/** Where an instance's pods run, and its files lie. */
export interface KubernetesPlacement {
  readonly context?: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Labels of nodes to go to where there is room. */
  readonly preferredNodes: Readonly<Record<string, string>>;
  readonly tolerations: readonly {
    readonly key: string;
    readonly value?: string;
    readonly effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
  }[];
  readonly priorityClass?: string;
  readonly storage: {
    /** As Kubernetes writes quantities: `10Gi`. */
    readonly size: string;
    readonly class?: string;
    readonly accessMode: "ReadWriteOnce" | "ReadWriteMany";
  };
}

/** Bounds of an autoscaler; the fewest are the declared replicas. */
export interface AutoscalePlan {
  readonly max: number;
  /** Processor time that is aimed at, in percent of what a replica asks for. */
  readonly cpuPercent: number;
}

export interface FleetPlan {
  readonly stack: string;
  /** What tells a tenant's plan from a fleet's. */
  readonly platformStack?: undefined;
  readonly platform: PlatformName;
  readonly topology: Topology;
  readonly supervisor: Supervisor;
  /** Where `supervisor` is `open`. */
  readonly registry?: FleetRegistryPlan;
  /** NocoBase versions in use, sorted, without duplicates. */
  readonly releases: readonly string[];
  readonly images: ImagesPlan;
  /** By the key that their passwords have. */
  readonly registries: Readonly<Record<string, RegistryPlan>>;
  /** Platform kubernetes only. */
  readonly kubernetes?: KubernetesPlan;
  readonly gateway: GatewayPlan;
  readonly databaseServers: Readonly<Record<string, DatabaseServerPlan>>;
  readonly entry: InstancePlan;
  readonly environments: Readonly<Record<string, InstancePlan>>;
  readonly apps: Readonly<Record<string, AppPlan>>;
}

export interface GatewayPlan {
  /** Address to bind, e.g. `127.0.0.1`. */
  readonly host: string;
  readonly port: number;
  /** Base domain; the entry app answers here, `<key>.<domain>` is each app and environment. */
  readonly domain: string;
  /** `http://localhost:13000`, without a trailing slash. */
  readonly url: string;
  readonly tls?: TlsPlan;
  /** Largest request body passed on, in MiB. */
  readonly uploadLimitMiB: number;
  /** Sorted by `key`. */
  readonly routes: readonly RoutePlan[];
}

/** How the gateway speaks HTTPS. */
export interface TlsPlan {
  readonly port: number;
  /** `acme`: certificates of a public authority, got and renewed by the gateway; `internal`: of one of its own. */
  readonly issuer: "acme" | "internal";
  /** Address that the authority writes to. */
  readonly email?: string;
}

/** A tenant's stack: apps on another stack's platform. */
export interface TenantPlan {
  readonly stack: string;
  readonly platformStack: string;
  readonly platform: PlatformName;
  /** Platform kubernetes only. */
  readonly kubernetes?: KubernetesPlan;
  readonly releases: readonly string[];
  /** Platform docker only: by the key that their passwords have. */
  readonly registries: Readonly<Record<string, RegistryPlan>>;
  /** Its own database servers, by key. */
  readonly databaseServers: Readonly<Record<string, DatabaseServerPlan>>;
  readonly environments: Readonly<Record<string, never>>;
  readonly apps: Readonly<Record<string, AppPlan>>;
  /** Sorted by `key`. */
  readonly routes: readonly RoutePlan[];
  readonly facts: PlatformFacts;
}

export type StackPlan = FleetPlan | TenantPlan;

/** What a tenant's stack must know of its platform stack; no secrets. Read from that stack's outputs. */
export interface PlatformFacts {
  /** Raised where a tenant's program could not read what an older platform wrote, or the other way round. */
  readonly version: number;
  readonly stack: string;
  readonly platform: PlatformName;
  readonly gateway: Pick<GatewayPlan, "host" | "port" | "domain" | "tls">;
  readonly environments: Readonly<Record<string, PlatformEnvironment>>;
  /** The entry app, where it is to show tenants' apps: with `supervisor: open`. */
  readonly entry?: Omit<PlatformInstance, "release">;
  readonly databaseServers: Readonly<Record<string, PlatformServer>>;
  /** What the platform itself needs to be found, e.g. the folder of its processes. */
  readonly attachment: Readonly<Record<string, string>>;
}

export interface PlatformEnvironment extends PlatformInstance {
  /** What the platform's registry knows it by, where there is one. */
  readonly registered?: {
    readonly role: string;
    /** Where the rest of the fleet reaches its processes. */
    readonly addresses: readonly string[];
  };
}

export interface PlatformInstance {
  /** Name of the instance: `env-blue`. */
  readonly name: string;
  /** Address inside the fleet. */
  readonly url: string;
  readonly release: string;
  readonly rootEmail: string;
  /** Platform kubernetes: context of the kubeconfig, where it isn't its current one. */
  readonly context?: string;
}

/** A database server as an administrator reaches it. */
export type PlatformServer = Omit<ExternalServerPlan, "kind" | "key" | "name">;

/** How the gateway reaches one entry app, environment or business app. */
export interface RoutePlan {
  readonly key: string;
  readonly kind: "entry" | "environment" | "app";
  readonly title: string;
  readonly isolation?: Isolation;
  /** Host names without a port: `<key>.<domain>`, then custom domains; lower case. */
  readonly hosts: readonly string[];
  /** The instance that serves it: key into `entry` (by the name "entry"), environments, or a dedicated app. */
  readonly instance: string;
  /** Its name: `entry`, `env-blue`, `app-erp`. All its ready replicas serve the route. */
  readonly instanceName: string;
  readonly state: DeclaredState;
}

export interface DatabasePlan {
  /** Key into `databaseServers`. */
  readonly server: string;
  /** Database name, at most 63 characters. */
  readonly name: string;
  /** Role name, at most 63 characters; owner of this database alone. */
  readonly role: string;
  readonly connectionLimit: number;
  readonly deletion: DeletionPolicy;
}

/** The database through which the entry app and those that it controls know of each other. */
export interface FleetRegistryPlan {
  /** Key into `databaseServers`: the entry app's. */
  readonly server: string;
  /** Name of the database and of the role that owns it, which is the entry app's. */
  readonly name: string;
  /** Roles by key of the environment or dedicated app; each may connect, and no more. */
  readonly members: Readonly<Record<string, string>>;
}

/** One process of an instance. */
export interface ReplicaPlan {
  /** Unique in the fleet: `app-erp`, `app-erp.2`. */
  readonly name: string;
  readonly port: number;
}

/** One NocoBase, in one process or several: the entry app, a runtime environment, or a dedicated app. */
export interface InstancePlan {
  /** "entry", the environment's key, or the app's key. */
  readonly key: string;
  readonly kind: "entry" | "environment" | "app";
  /** Unique in the fleet: `entry`, `env-blue`, `app-erp`; folder name, and the first replica's process name. */
  readonly name: string;
  readonly title: string;
  readonly release: string;
  readonly state: DeclaredState;
  readonly host: string;
  /** Port and address of the first replica. */
  readonly port: number;
  readonly url: string;
  /** At least one; the first is the only one that ever runs alone. */
  readonly replicas: readonly ReplicaPlan[];
  /** Of each process. */
  readonly resources: ResourceLimits;
  readonly database: DatabasePlan;
  readonly root: RootUserPlan;
  /** Environment variables without secrets, defaults and the user's own merged. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of the secret environment variables that the stack file's `secretEnv` holds for it, sorted; absent means none. */
  readonly secretEnv?: readonly string[];
  /** True where business apps run in this process: the open multi-app manager is switched on. */
  readonly hostsApps: boolean;
  /** Its part under NocoBase's own supervisor: the entry app's, or that of an environment which runs its apps. */
  readonly supervised?: "supervisor" | "worker";
  readonly deletion: DeletionPolicy;
  /** V8 heap limit, MiB; undefined leaves Node's default. */
  readonly heapLimitMiB?: number;
  /** Platform kubernetes only. */
  readonly autoscale?: AutoscalePlan;
  /** Platform kubernetes only. */
  readonly placement?: KubernetesPlacement;
}

export interface RootUserPlan {
  readonly email: string;
  readonly nickname: string;
  /** Raised by the user to get a new password; 1 at first. */
  readonly passwordGeneration: number;
}

export interface AppPlan {
  readonly key: string;
  /** Its name in its host and in the gateway: the key, `<tenant>-<key>` for a tenant's app. */
  readonly name: string;
  readonly title: string;
  readonly isolation: Isolation;
  /** Where it runs, `shared:<environment|entry>` or `dedicated`; a change is a move. */
  readonly placement: string;
  /** For shared apps: "entry" or the environment's key. */
  readonly host?: string;
  readonly state: AppState;
  /** Shared apps: start with the host (`auto`) or at the first visit (`lazy`). */
  readonly startMode: "auto" | "lazy";
  readonly release: string;
  readonly hosts: readonly string[];
  readonly url: string;
  readonly database: DatabasePlan;
  readonly root: RootUserPlan;
  readonly deletion: DeletionPolicy;
  /** Dedicated apps only. */
  readonly instance?: InstancePlan;
}
