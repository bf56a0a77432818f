/** Database servers in a plan, by who runs them. */
import type { ResourceLimits } from "./types";

export interface ManagedServerPlan {
  readonly kind: "managed";
  readonly key: string;
  /** Name of the server's process, container, folder. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly adminUser: string;
  readonly maxConnections: number;
}

export interface ExternalServerPlan {
  readonly kind: "external";
  readonly key: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly adminUser: string;
  readonly sslMode: "disable" | "require" | "verify-ca" | "verify-full";
  /** Database the administrator connects to, e.g. `postgres`. */
  readonly maintenanceDatabase: string;
  /** False for managed services whose administrator is not a superuser. */
  readonly superuser: boolean;
  /** Where instances reach it, if not at the address above: a platform's managed server in a network of its own. */
  readonly inside?: { readonly host: string; readonly port: number };
}

/** What the author says of a server that the CloudNativePG operator runs. */
export interface CloudnativepgSettings {
  readonly instances: number;
  /** PostgreSQL's major version. */
  readonly version: number;
  readonly image?: string;
  /** `size` as Kubernetes writes quantities: `20Gi`. */
  readonly storage: { readonly size: string; readonly class?: string };
  /** Of each instance. */
  readonly resources: ResourceLimits;
  readonly maxConnections: number;
  /** Of the kubeconfig; undefined is that of the whole cluster. */
  readonly context?: string;
  readonly operatorNamespace: string;
  readonly backups?: ObjectStorePlan & {
    readonly name?: string;
    /** Six fields, seconds first. */
    readonly schedule: string;
    /** `30d`. */
    readonly retention: string;
  };
  readonly recovery?: ObjectStorePlan & {
    readonly name: string;
    /** RFC 3339. */
    readonly until?: string;
  };
}

export interface ObjectStorePlan {
  /** `s3://bucket/path`. */
  readonly destination: string;
  readonly endpoint?: string;
}

export interface CloudnativepgServerPlan extends CloudnativepgSettings {
  readonly kind: "cloudnativepg";
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  /** Where pods of the same cluster reach its primary. */
  readonly host: string;
  readonly port: number;
  readonly sslMode: "require";
}

export type DatabaseServerPlan = ManagedServerPlan | ExternalServerPlan | CloudnativepgServerPlan;
