/** The pods of an instance: which one answers, and what is done inside it. */
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "../../toolchain/plugins/kubernetes/api/cluster";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import { execute, forward, type Execution } from "../../toolchain/plugins/kubernetes/api/streams";
import { clusterConfig } from "../../toolchain/plugins/kubernetes/config";
import { troubleOf } from "../../toolchain/plugins/kubernetes/ready/pods";

/** Namespace of an instance, on the cluster of a kubeconfig's context. */
export interface InstanceAddress {
  /** Default: the kubeconfig's current one. */
  readonly context?: string;
  readonly namespace: string;
}

/** Label of NocoBase's pods; the same on every object of a fleet. */
const SELECTOR = { "app.kubernetes.io/name": "nocobase" };
const POLL_MS = 500;

interface PodSpec {
  containers: { name: string; ports?: { name?: string; containerPort: number }[] }[];
}

const clusters = new Map<string, Cluster>();

/** One for each context: its connections are kept. */
export function clusterOf({ context = "" }: Pick<InstanceAddress, "context">): Cluster {
  const known = clusters.get(context);
  if (known) return known;
  const made = new Cluster(configOf({ context }));
  clusters.set(context, made);
  return made;
}

function configOf({ context }: Pick<InstanceAddress, "context">) {
  return clusterConfig({ kubeconfig: process.env.KUBECONFIG, context: context ?? "" }).config;
}

/** A pod of the instance that is ready now; undefined where there is none. */
export async function readyPod(
  address: InstanceAddress,
  signal?: AbortSignal,
): Promise<KubernetesObject | undefined> {
  return (await podsOf(address, signal)).find(isReady);
}

function podsOf({ namespace, context }: InstanceAddress, signal?: AbortSignal): Promise<KubernetesObject[]> {
  const reference = { apiVersion: "v1", kind: "Pod", metadata: { namespace } };
  return clusterOf({ context }).list(reference, SELECTOR, signal);
}

/** @throws Error naming what holds the pods up, where none is ready in time */
export async function awaitPod(
  address: InstanceAddress,
  limitMs: number,
  signal?: AbortSignal,
): Promise<KubernetesObject> {
  const end = Date.now() + limitMs;
  for (;;) {
    const pods = await podsOf(address, signal);
    const ready = pods.find(isReady);
    if (ready) return ready;
    if (Date.now() > end) {
      const trouble = pods.flatMap((pod) => troubleOf(pod) ?? [])[0] ?? `there are ${pods.length} pods`;
      throw new Error(`No pod in namespace ${address.namespace} is ready: ${trouble}.`);
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

function isRunning({ metadata, status }: KubernetesObject): boolean {
  const { phase } = (status ?? {}) as { phase?: string };
  return metadata.deletionTimestamp === undefined && phase === "Running";
}

function isReady(pod: KubernetesObject): boolean {
  const { conditions = [] } = (pod.status ?? {}) as { conditions?: { type: string; status: string }[] };
  return isRunning(pod) && conditions.some(({ type, status: holds }) => type === "Ready" && holds === "True");
}

/**
 * A new connection to the port that a pod of the instance serves HTTP on: one that is ready, else one that runs. While it
 * reloads, NocoBase is not ready, and says so itself to who asks.
 * @throws Error where none runs
 */
export async function connect(address: InstanceAddress) {
  const pods = await podsOf(address);
  const pod = pods.find(isReady) ?? pods.find(isRunning);
  if (!pod) throw new Error(`no pod in namespace ${address.namespace} runs`);
  const { containers } = pod.spec as PodSpec;
  const port = containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === "http");
  if (!port) throw new Error(`pod ${pod.metadata.name ?? ""} has no port called http`);
  return await forward(
    configOf(address),
    { namespace: address.namespace, name: pod.metadata.name ?? "" },
    port.containerPort,
  );
}

/** Runs a program in the first container of a pod of that namespace. @throws Error where it can't be run */
export async function runIn(
  address: InstanceAddress,
  pod: KubernetesObject,
  command: readonly string[],
  options: { input: string | Buffer; signal?: AbortSignal },
): Promise<Execution> {
  const [container] = (pod.spec as PodSpec).containers;
  const reference = {
    namespace: address.namespace,
    name: pod.metadata.name ?? "",
    container: container?.name ?? "",
  };
  return await execute(configOf(address), reference, command, options);
}
