/** Looks at an instance's pods, reads their logs, and scales them to none and back. */
import { setTimeout as sleep } from "node:timers/promises";
import type { InstancePlan, KubernetesPlacement, KubernetesPlan } from "../../plan/types";
import { namespaceName } from "../../plan/names";
import { tunnelTo } from "../../providers/kubernetes/tunnel";
import { Cluster } from "../../toolchain/plugins/kubernetes/api/cluster";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import { clusterConfig } from "../../toolchain/plugins/kubernetes/config";
import { troubleOf } from "../../toolchain/plugins/kubernetes/ready/pods";
import type { Drift, LivePart, LiveState, LogOptions, Operations } from "../operations";
import { APP, podSelector } from "./manifests/object";

/** How long `status` waits for a cluster that doesn't answer, milliseconds. */
const PATIENCE_MS = 10_000;
/** Field manager of what this command changes past the engine. */
const MANAGER = "nocobase-fleet";
const START_LIMIT_MS = 600_000;
const POLL_MS = 500;

/** What an instance is operated by. */
export interface OperatedInstance extends Pick<InstancePlan, "name" | "state"> {
  readonly replicas: readonly unknown[];
  readonly placement?: Pick<KubernetesPlacement, "context">;
}

export interface KubernetesOperationsArgs {
  readonly stack: string;
  readonly cluster: Pick<KubernetesPlan, "context">;
  readonly instances: readonly OperatedInstance[];
  /** For a tenant: of its platform, whose environments host its shared apps. */
  readonly platform?: Operations;
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

  async addressOf(instance: string): Promise<string> {
    const plan = this.args.instances.find(({ name }) => name === instance);
    const hosting = plan ? undefined : await this.args.platform?.addressOf?.(instance);
    if (hosting !== undefined) return hosting;
    if (!plan) throw new Error(`${instance} is no instance of stack ${this.args.stack}`);
    const context = this.contextOf(plan);
    const address = { namespace: this.namespaceOf(plan), ...(context === "" ? {} : { context }) };
    return await tunnelTo(address);
  }

  /** Ends when the pods are ready; the cluster itself starts again what crashed. */
  async start(names: readonly string[], say: (line: string) => void): Promise<void> {
    const held = await this.held(names);
    for (const plan of held) {
      const { length } = plan.replicas;
      say(`starting ${plan.name}: ${length} ${length === 1 ? "pod" : "pods"}`);
      await this.scale(plan, length);
    }
    await Promise.all(held.map((plan) => this.untilReady(plan)));
    if (held.length === 0) say("nothing is stopped");
  }

  /** No pods, until the next start or up; data and addresses stay. */
  async stop(names: readonly string[], say: (line: string) => void): Promise<void> {
    for (const plan of this.chosen(names)) {
      if (!(await this.deployment(plan))) continue;
      say(`stopping ${plan.name}`);
      await this.scale(plan, 0);
    }
  }

  /** What `stop` scaled to none: the number is no field that an unchanged plan looks at. */
  async drift(): Promise<Drift> {
    // A cluster that is away is for the engine to wait for, and to tell of.
    const held = await this.held([]).catch(() => []);
    return { lost: [], stopped: held.map(({ name }) => name) };
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

  private chosen(names: readonly string[]): readonly OperatedInstance[] {
    const { instances } = this.args;
    return names.length === 0 ? instances : instances.filter(({ name }) => names.includes(name));
  }

  /** Instances that should run and were scaled to none. */
  private async held(names: readonly string[]): Promise<OperatedInstance[]> {
    const running = this.chosen(names).filter(({ state }) => state === "running");
    const looks = await Promise.all(
      running.map(async (plan) => {
        const found = await this.deployment(plan);
        return found && wantedOf(found) === 0 ? [plan] : [];
      }),
    );
    return looks.flat();
  }

  private async deployment(plan: OperatedInstance): Promise<KubernetesObject | undefined> {
    return await this.clusterOf(plan).find(this.reference(plan));
  }

  private reference(plan: OperatedInstance) {
    const metadata = { namespace: this.namespaceOf(plan), name: APP };
    return { apiVersion: "apps/v1", kind: "Deployment", metadata };
  }

  /** Takes the number over for the moment; `up` takes it back, as from anybody who scaled by hand. */
  private async scale(plan: OperatedInstance, replicas: number): Promise<void> {
    const operations = [{ op: "replace", path: "/spec/replicas", value: replicas }];
    await this.clusterOf(plan).patch(this.reference(plan), operations, { fieldManager: MANAGER });
  }

  private async untilReady(plan: OperatedInstance): Promise<void> {
    const end = Date.now() + START_LIMIT_MS;
    for (;;) {
      const part = await this.part(plan);
      if (part?.state === "running") return;
      if (part === undefined || part.state === "failed" || Date.now() > end) {
        throw new Error(
          `${plan.name} does not become ready: ${part?.lastError ?? part?.state ?? "it is gone"}`,
        );
      }
      await sleep(POLL_MS);
    }
  }

  private async part(plan: OperatedInstance): Promise<LivePart | undefined> {
    const found = await this.deployment(plan);
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
      ...stateOf(found, plan),
      restarts: restarts.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(troubles.length > 0 ? { lastError: troubles[0] } : {}),
    };
  }

  private async pods(plan: OperatedInstance): Promise<KubernetesObject[]> {
    const metadata = { namespace: this.namespaceOf(plan) };
    const pods = await this.clusterOf(plan).list({ apiVersion: "v1", kind: "Pod", metadata }, podSelector);
    return pods.sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1));
  }

  private namespaceOf({ name }: OperatedInstance): string {
    return namespaceName(this.args.stack, name);
  }

  private contextOf({ placement }: OperatedInstance): string {
    return placement?.context ?? this.args.cluster.context ?? "";
  }

  private clusterOf(plan: OperatedInstance): Cluster {
    const context = this.contextOf(plan);
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

function wantedOf({ spec }: KubernetesObject): number {
  const { replicas = 1 } = spec as { replicas?: number };
  return replicas;
}

function stateOf(found: KubernetesObject, plan: OperatedInstance): Pick<LivePart, "state" | "replicas"> {
  const { status } = found;
  const wanted = wantedOf(found);
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
  const none: LiveState = plan.state === "running" ? "held" : "stopped";
  const state: LiveState = wanted === 0 ? none : isUp ? "running" : gaveUp ? "failed" : "starting";
  return { state, replicas: { ready, wanted } };
}
