/** What every object of a fleet has in common. */
import type { InstancePlan, KubernetesPlan, KubernetesPlacement } from "../../../plan/types";

/** A Kubernetes object; leaves may be values that only the engine will know. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Where an object lies, and whose it is: a tenant's may lie beside an environment of its platform's stack. */
export interface Place {
  /** The stack that makes the object. */
  readonly stack: string;
  readonly namespace: string;
  readonly plan: { readonly name: string; readonly kind: InstancePlan["kind"] | typeof DATABASE_SERVER };
  readonly cluster: KubernetesPlan;
}

/** Everything that the manifests of one instance follow from. */
export interface InstanceFacts extends Place {
  readonly plan: InstancePlan;
  readonly placement: KubernetesPlacement;
}

/** Name of an instance's objects within its own namespace. */
export const APP = "app";
export const FILES = "files";
export const VARIABLES = "variables";

/** Label with the stack that an object belongs to. */
export const STACK_LABEL = "nocobase-fleet/stack";
/** Annotation with what becomes of an instance's database and files when it leaves the stack file. */
export const DELETION = "nocobase-fleet/deletion";
/** Kind of a namespace that holds a database server. */
export const DATABASE_SERVER = "database-server";
const KIND_LABEL = "nocobase-fleet/kind";

/** Marks an object as this stack's: Pulumi leaves others' alone, and people see at once. */
export function labels({ stack, plan }: Pick<Place, "stack" | "plan">): Record<string, string> {
  return {
    "app.kubernetes.io/name": plan.kind === DATABASE_SERVER ? "postgresql" : "nocobase",
    "app.kubernetes.io/instance": plan.name,
    "app.kubernetes.io/managed-by": "pulumi",
    [STACK_LABEL]: stack,
    [KIND_LABEL]: plan.kind,
  };
}

/** What selects an instance's pods in its namespace; never changes. */
export const podSelector: Readonly<Record<string, string>> = { "app.kubernetes.io/name": "nocobase" };

export function metadata(facts: Place, name: string, annotations?: Record<string, string>): Metadata {
  return { name, namespace: facts.namespace, labels: labels(facts), ...(annotations ? { annotations } : {}) };
}

/** Have Pulumi go on at once: the object is ready when something else is, or never says so. */
export const NO_WAIT = { "pulumi.com/skipAwait": "true" };

/** Replicas at most. */
export function mostReplicas({ replicas, autoscale }: InstancePlan): number {
  return Math.max(replicas.length, autoscale?.max ?? 0);
}

/** Whether an update may have old and new pods side by side: their files lie where several nodes write. */
export function mayOverlap({ plan, placement }: InstanceFacts): boolean {
  return !plan.hostsApps && placement.storage.accessMode === "ReadWriteMany";
}
