/** Looks at an instance's pods, and reads their logs; starting and stopping is the cluster's own work. */
import type { InstancePlan, KubernetesPlan } from "../../plan/types";
import { namespaceName } from "../../plan/names";
import { Cluster } from "../../toolchain/plugins/kubernetes/api/cluster";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import { clusterConfig } from "../../toolchain/plugins/kubernetes/config";
import { troubleOf } from "../../toolchain/plugins/kubernetes/ready/pods";
import type { LivePart, LiveState, LogOptions, Operations } from "../operations";
import { APP, podSelector } from "./manifests/object";

/** How long `status` waits for a cluster that doesn't answer, milliseconds. */
const PATIENCE_MS = 10_000;

export interface KubernetesOperationsArgs {
  readonly stack: string;
  readonly cluster: KubernetesPlan;
  readonly instances: readonly InstancePlan[];
}

interface PodStatus {
  startTime?: string;
  containerStatuses?: { restartCount?: number }[];
}

/** {@link Operations} on the pods of a stack's instances. */
export class KubernetesOperations implements Operations {
  private readonly clusters = new Map<string, Cluster>();

  constructor(private readonly args: KubernetesOperationsArgs) {}

  async parts(): Promise<LivePart[]> {
    const parts = await Promise.all(this.args.instances.map((plan) => this.part(plan)));
    return parts.flatMap((part) => part ?? []);
  }

  start(_names: readonly string[], say: (line: string) => void): Promise<void> {
    say("nothing to do: the cluster starts pods itself");
    return Promise.resolve();
  }

  stop(names: readonly string[]): Promise<void> {
    const those = names.length > 0 ? names.join(", ") : "the fleet";
    return Promise.reject(
      new Error(
        `Can't stop ${those} past the stack file: write state: stopped for an app, and run \`fleet up\`.`,
      ),
    );
  }

  async logs(name: string, { lines, follow, replica, signal, write }: LogOptions): Promise<void> {
    const plan = this.args.instances.find((instance) => instance.name === name);
    if (!plan) return;
    const pods = await this.pods(plan);
    const shown = replica === undefined ? pods : pods.slice(replica - 1, replica);
    const { client } = this.clusterOf(plan);
    await Promise.all(
      shown.map(async ({ metadata }) => {
        const path = `/api/v1/namespaces/${this.namespaceOf(plan)}/pods/${metadata.name ?? ""}/log`;
        const prefix = shown.length > 1 ? `${metadata.name ?? ""} | ` : "";
        const onText = (text: string) => write(text.replace(/^(?=.)/gm, prefix));
        await client.stream(
          { method: "GET", path, query: { tailLines: String(lines), follow }, signal },
          onText,
        );
      }),
    );
  }

  private async part(plan: InstancePlan): Promise<LivePart | undefined> {
    const metadata = { namespace: this.namespaceOf(plan), name: APP };
    const found = await this.clusterOf(plan).find({ apiVersion: "apps/v1", kind: "Deployment", metadata });
    if (!found) return undefined;
    const pods = await this.pods(plan);
    const restarts = pods.flatMap(({ status }) => (status as PodStatus | undefined)?.containerStatuses ?? []);
    const troubles = pods.flatMap((pod) => troubleOf(pod) ?? []);
    const startedAt = pods
      .flatMap(({ status }) => (status as PodStatus | undefined)?.startTime ?? [])
      .sort()[0];
    return {
      name: plan.name,
      kind: "instance",
      ...stateOf(found),
      restarts: restarts.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(troubles.length > 0 ? { lastError: troubles[0] } : {}),
    };
  }

  private async pods(plan: InstancePlan): Promise<KubernetesObject[]> {
    const metadata = { namespace: this.namespaceOf(plan) };
    const pods = await this.clusterOf(plan).list({ apiVersion: "v1", kind: "Pod", metadata }, podSelector);
    return pods.sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1));
  }

  private namespaceOf({ name }: InstancePlan): string {
    return namespaceName(this.args.stack, name);
  }

  private clusterOf({ placement }: InstancePlan): Cluster {
    const context = placement?.context ?? this.args.cluster.context ?? "";
    const known = this.clusters.get(context);
    if (known) return known;
    const made = new Cluster(
      clusterConfig({ kubeconfig: process.env.KUBECONFIG, context }).config,
      PATIENCE_MS,
    );
    this.clusters.set(context, made);
    return made;
  }
}

function stateOf({ spec, status }: KubernetesObject): Pick<LivePart, "state" | "replicas"> {
  const { replicas: wanted = 1 } = spec as { replicas?: number };
  const {
    availableReplicas: ready = 0,
    updatedReplicas = 0,
    conditions = [],
  } = (status ?? {}) as {
    availableReplicas?: number;
    updatedReplicas?: number;
    conditions?: { type: string; reason?: string }[];
  };
  const gaveUp = conditions.some(({ reason }) => reason === "ProgressDeadlineExceeded");
  const isUp = ready >= wanted && updatedReplicas >= wanted;
  const state: LiveState = wanted === 0 ? "stopped" : isUp ? "running" : gaveUp ? "failed" : "starting";
  return { state, replicas: { ready, wanted } };
}
