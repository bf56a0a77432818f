/** Deployments and StatefulSets: as `kubectl rollout status`, and what holds them up. */
import type { KubernetesObject } from "../api/kinds";
import type { Look, Readiness } from "./index";
import { podTrouble } from "./pods";

interface WorkloadStatus {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
}

export async function deployment(look: Look): Promise<Readiness> {
  const { live } = look;
  const status = statusOf(live);
  if (!isObserved(live, status)) return { wait: "waiting for the controller" };
  const wanted = replicasOf(live);
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0, conditions = [] } = status;
  const condition = (type: string) => conditions.find((candidate) => candidate.type === type);
  const message = condition("ReplicaFailure")?.status === "True" ? await refusalOfNewest(look) : "";
  // Quota may be raised while this waits; a standard that a pod violates stays.
  if (message.includes("violates PodSecurity")) return { failed: message };
  if (updatedReplicas >= wanted && replicas <= updatedReplicas && availableReplicas >= wanted) {
    return { done: true };
  }
  const progressing = condition("Progressing");
  const trouble = [message, await podTrouble(look)].filter(Boolean).join("; ");
  const progress = `${availableReplicas} of ${wanted} replicas are available`;
  const text = trouble ? `${progress}: ${trouble}` : progress;
  return progressing?.reason === "ProgressDeadlineExceeded" ? { failed: text } : { wait: text };
}

/** Why pods of the newest replica set can't be made; those of older ones don't matter any more. */
async function refusalOfNewest({ live, cluster, signal }: Look): Promise<string> {
  const revision = revisionOf(live);
  const { namespace, uid } = live.metadata;
  const sets = await cluster
    .list({ apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { namespace } }, {}, signal)
    .catch(() => []);
  const newest = sets.find((set) => {
    const owners = (set.metadata.ownerReferences ?? []) as { uid?: string }[];
    return owners.some((owner) => owner.uid === uid) && revisionOf(set) === revision;
  });
  const failure = newest && statusOf(newest).conditions?.find(({ type }) => type === "ReplicaFailure");
  return failure?.status === "True" ? (failure.message ?? "") : "";
}

function revisionOf({ metadata }: KubernetesObject): string | undefined {
  return (metadata.annotations as Record<string, string> | undefined)?.["deployment.kubernetes.io/revision"];
}

export async function statefulSet(look: Look): Promise<Readiness> {
  const { live } = look;
  const status = statusOf(live);
  if (!isObserved(live, status)) return { wait: "waiting for the controller" };
  const wanted = replicasOf(live);
  const { readyReplicas = 0, updatedReplicas = 0, replicas = 0 } = status;
  if (readyReplicas >= wanted && updatedReplicas >= wanted && replicas <= wanted) return { done: true };
  const trouble = await podTrouble(look);
  const progress = `${readyReplicas} of ${wanted} replicas are ready`;
  return { wait: trouble ? `${progress}: ${trouble}` : progress };
}

function statusOf(live: KubernetesObject): WorkloadStatus {
  return live.status ?? {};
}

function replicasOf(live: KubernetesObject): number {
  return (live.spec as { replicas?: number }).replicas ?? 1;
}

function isObserved({ metadata }: KubernetesObject, { observedGeneration = 0 }: WorkloadStatus): boolean {
  return observedGeneration >= Number(metadata.generation ?? 0);
}
