/** Services, ingresses, volumes and quotas. */
import type { Props } from "../../../../providers/kit/types";
import { sameValue } from "../../../../providers/kit/values";
import { isObject } from "../object/prune";
import type { Look, Readiness } from "./index";

/** A Service that targets nobody counts as ready when nothing has come for this long, as upstream has it. */
const SETTLED_MS = 10_000;

interface Addresses {
  subsets?: { addresses?: unknown[]; notReadyAddresses?: unknown[] }[];
}

export async function service({ live, cluster, elapsedMs, signal }: Look): Promise<Readiness> {
  const { type = "ClusterIP", clusterIP, selector } = live.spec as Record<string, unknown>;
  if (type === "LoadBalancer" && !hasLoadBalancer(live.status)) {
    return { wait: "waiting for the load balancer's address; a cluster without one never gives any" };
  }
  const targetsPods = isObject(selector) && Object.keys(selector).length > 0;
  if (type === "ExternalName" || clusterIP === "None" || !targetsPods) return { done: true };
  const endpoints = await cluster.find({ ...live, apiVersion: "v1", kind: "Endpoints" }, signal);
  const subsets = (endpoints as Addresses | undefined)?.subsets ?? [];
  const isPending = subsets.some(({ notReadyAddresses = [] }) => notReadyAddresses.length > 0);
  const isServed = subsets.some(({ addresses = [] }) => addresses.length > 0);
  if (!isPending && (isServed || elapsedMs > SETTLED_MS)) return { done: true };
  return { wait: "waiting for the pods behind the service" };
}

export function ingress({ live }: Look): Readiness {
  if (hasLoadBalancer(live.status)) return { done: true };
  return { wait: "waiting for the ingress controller to give an address (status.loadBalancer)" };
}

/** A claim of a class that binds with its first pod is ready as soon as it waits for one. */
export async function persistentVolumeClaim({ live, cluster, signal }: Look): Promise<Readiness> {
  const { phase } = (live.status ?? {}) as { phase?: string };
  if (phase === "Bound") return { done: true };
  const { storageClassName } = live.spec as { storageClassName?: string };
  if (!storageClassName)
    return {
      wait: "waiting for a volume: the claim names no storage class, and the cluster has no default one",
    };
  const reference = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: storageClassName },
  };
  // Reading storage classes is a right that a deployer may well lack.
  const storageClass = await cluster.find(reference, signal).catch(() => undefined);
  if (storageClass?.volumeBindingMode === "WaitForFirstConsumer" && phase === "Pending")
    return { done: true };
  return { wait: `waiting for a volume of the storage class ${storageClassName}` };
}

export function resourceQuota({ live }: Look): Readiness {
  const { hard } = live.spec as { hard?: Props };
  const { hard: enforced } = (live.status ?? {}) as { hard?: Props };
  return sameValue(hard, enforced) ? { done: true } : { wait: "waiting for the quota to be enforced" };
}

function hasLoadBalancer(status: unknown): boolean {
  const { loadBalancer } = (status ?? {}) as { loadBalancer?: { ingress?: unknown[] } };
  return (loadBalancer?.ingress?.length ?? 0) > 0;
}
