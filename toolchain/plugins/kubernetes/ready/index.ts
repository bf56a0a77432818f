/** When an object counts as ready, by its kind: what the official plugin awaits. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../../../../providers/kit/types";
import type { Cluster } from "../api/cluster";
import type { KubernetesObject } from "../api/kinds";
import { deployment, statefulSet } from "./workloads";
import { ingress, persistentVolumeClaim, resourceQuota, service } from "./others";
import { job, pod } from "./pods";
import { waitFor } from "./wait-for";

/** `done`: ready. `wait`: what is waited for. `failed`: it never will be. */
export type Readiness = { done: true } | { wait: string } | { failed: string };

export interface Look {
  live: KubernetesObject;
  cluster: Cluster;
  /** The object before this update; undefined after a create. */
  before?: KubernetesObject;
  /** Milliseconds since the object was written. */
  elapsedMs: number;
  signal: AbortSignal;
}

export type Ready = (look: Look) => Promise<Readiness> | Readiness;

const BY_KIND: Readonly<Record<string, Ready>> = {
  "apps/v1/Deployment": deployment,
  "apps/v1/StatefulSet": statefulSet,
  "batch/v1/Job": job,
  "v1/Pod": pod,
  "v1/Service": service,
  "v1/PersistentVolumeClaim": persistentVolumeClaim,
  "v1/ResourceQuota": resourceQuota,
  "networking.k8s.io/v1/Ingress": ingress,
};

const DEFAULT_LIMIT_S = 600;
const POLL_MS = { first: 100, most: 1_000 };

/** The object was written, and does not become ready. */
export class NotReady extends Error {
  constructor(
    message: string,
    readonly live: KubernetesObject,
  ) {
    super(message);
  }
}

/**
 * Waits until the object is ready.
 * @returns the object as it then is
 * @throws NotReady after the time limit, or at once where it can't become ready
 */
export async function awaitReady(
  written: KubernetesObject,
  { cluster, context, before }: { cluster: Cluster; context: Context; before?: KubernetesObject },
): Promise<KubernetesObject> {
  const wanted = annotation(written, "waitFor");
  const ready = wanted === undefined ? BY_KIND[`${written.apiVersion}/${written.kind}`] : waitFor(wanted);
  if (!ready || annotation(written, "skipAwait") === "true") return written;
  const begin = Date.now();
  const limit = begin + limitSeconds(written, context) * 1000;
  let live = written;
  for (let pause = POLL_MS.first; ; pause = Math.min(pause * 1.5, POLL_MS.most)) {
    const { signal } = context;
    const readiness = await ready({ live, cluster, before, elapsedMs: Date.now() - begin, signal });
    if ("done" in readiness) return live;
    if ("failed" in readiness) throw new NotReady(readiness.failed, live);
    if (Date.now() > limit) throw new NotReady(`${readiness.wait}; not ready in time`, live);
    context.status(readiness.wait);
    await sleep(pause, undefined, { signal });
    const found = await cluster.find(written, signal);
    if (!found) throw new NotReady("it was deleted while it was waited for", live);
    live = found;
  }
}

/** Time limit: of the program (`customTimeouts`), of the object's annotation, else ten minutes. */
export function limitSeconds(object: KubernetesObject, context: Context): number {
  return (
    context.timeoutSeconds ??
    (Number(annotation(object, "timeoutSeconds") ?? DEFAULT_LIMIT_S) || DEFAULT_LIMIT_S)
  );
}

/** Value of an annotation of Pulumi's, `pulumi.com/NAME`. */
export function annotation({ metadata }: Partial<KubernetesObject>, name: string): string | undefined {
  return (metadata?.annotations as Record<string, string> | undefined)?.[`pulumi.com/${name}`];
}
