/** Pods and Jobs, and what is wrong with the pods of a workload. */
import type { KubernetesObject } from "../api/kinds";
import type { Look, Readiness } from "./index";

interface ContainerState {
  waiting?: { reason?: string; message?: string };
  terminated?: { reason?: string; message?: string; exitCode?: number };
}

interface PodStatus {
  phase?: string;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  initContainerStatuses?: ContainerStatus[];
  containerStatuses?: ContainerStatus[];
}

interface ContainerStatus {
  name: string;
  ready?: boolean;
  restartCount?: number;
  state?: ContainerState;
  lastState?: ContainerState;
}

/** Waiting reasons that are part of every start. */
const STARTING = ["ContainerCreating", "PodInitializing"];

export function pod({ live }: Look): Readiness {
  const status = (live.status ?? {}) as PodStatus;
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status === "True" || status.phase === "Succeeded") return { done: true };
  return { wait: troubleOf(live) ?? "waiting for the pod to be ready" };
}

export async function job(look: Look): Promise<Readiness> {
  const {
    active = 0,
    succeeded = 0,
    failed = 0,
    conditions = [],
  } = (look.live.status ?? {}) as {
    active?: number;
    succeeded?: number;
    failed?: number;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
  };
  const holds = (type: string) => conditions.find((one) => one.type === type && one.status === "True");
  if (holds("Complete")) return { done: true };
  const failure = holds("Failed");
  const trouble = await podTrouble(look);
  const progress = `${succeeded} pods succeeded, ${active} run, ${failed} failed`;
  const text = trouble ? `${progress}: ${trouble}` : progress;
  return failure
    ? { failed: `[${failure.reason ?? "Failed"}] ${failure.message ?? ""} (${text})` }
    : { wait: text };
}

/** What holds up the pods of a workload, the first two of them; empty where nothing does, or nobody may look. */
export async function podTrouble({ live, cluster, signal }: Look): Promise<string> {
  const { selector } = live.spec as { selector?: { matchLabels?: Record<string, string> } };
  const { namespace } = live.metadata;
  const reference = { apiVersion: "v1", kind: "Pod", metadata: { namespace } };
  const pods = await cluster.list(reference, selector?.matchLabels ?? {}, signal).catch(() => []);
  const troubles = pods.flatMap((candidate) => troubleOf(candidate) ?? []);
  return [...new Set(troubles)].slice(0, 2).join("; ");
}

/** What holds a pod up; undefined where nothing does. */
export function troubleOf(object: KubernetesObject): string | undefined {
  const status = (object.status ?? {}) as PodStatus;
  const name = object.metadata.name ?? "";
  const scheduled = status.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return `pod ${name}: ${scheduled.message ?? "can't be scheduled"}`;
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  for (const { name: container, state = {}, lastState = {}, restartCount = 0 } of containers) {
    const { waiting, terminated } = state;
    const ended = terminated ?? lastState.terminated;
    if (waiting?.reason && !STARTING.includes(waiting.reason)) {
      const last = ended ? `, it ended with code ${ended.exitCode ?? "?"}` : "";
      return `pod ${name}, container ${container}: ${waiting.reason}${text(waiting.message)}${last}`;
    }
    if (ended && restartCount > 0) {
      return `pod ${name}, container ${container}: restarted ${restartCount} times, ended with code ${ended.exitCode ?? "?"}${text(ended.message)}`;
    }
  }
  return undefined;
}

function text(message: string | undefined): string {
  return message ? ` (${message.trim()})` : "";
}
