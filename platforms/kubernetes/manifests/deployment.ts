/** The pods of an instance. */
import type { KubernetesPlan } from "../../../plan/types";
import { LAUNCHER_GRACE_SECONDS, memoryLimit, type Variables } from "../environment";
import { APP, FILES, VARIABLES, labels, mayOverlap, metadata, podSelector } from "./object";
import type { InstanceFacts, Manifest } from "./object";
import { pullSecretNames } from "./registries";

/** User of the image. */
const USER = 1000;
/** Where the image expects the volume. */
const STORAGE = "/app/nocobase/storage";
const HEALTH = { path: "/api/__health_check", port: "http" };
/** A first install takes 10–25 s, an upgrade to another release longer; replicas take turns. */
const START_LIMIT_SECONDS = 600;
/** Until every proxy has heard that a pod takes no more requests. */
const DRAIN_SECONDS = 15;
const STOP_LIMIT_SECONDS = DRAIN_SECONDS + LAUNCHER_GRACE_SECONDS + 15;
const PROBE_SECONDS = 5;
const REVISIONS = 3;
/** Thousandths of a core that a replica asks for: what it takes while nobody is there. */
const IDLE_CPU_MILLIS = 100;
/** Where an autoscaler goes by it and no limit is declared: what half a core's load is worth a further replica. */
const SCALED_CPU_MILLIS = 500;

export interface PodInputs<Text> {
  /** Without secrets. */
  readonly variables: Variables;
  /** Changes with the secrets and tells nothing of them: new ones then start new pods. */
  readonly secretsMark: Text;
}

/**
 * Another release is another Deployment of the same name: its selector differs, so Pulumi takes the old pods down before
 * the new ones come, of which one migrates the database while the others wait for their turn (the launcher's lock).
 */
export function deployment<Text>(facts: InstanceFacts, inputs: PodInputs<Text>): Manifest {
  const { plan } = facts;
  const selected = { ...podSelector, "app.kubernetes.io/version": plan.release };
  const strategy = mayOverlap(facts)
    ? { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
    : { type: "Recreate" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(facts, APP, ownership(facts)),
    spec: {
      replicas: replicas(facts),
      revisionHistoryLimit: REVISIONS,
      progressDeadlineSeconds: START_LIMIT_SECONDS + 300,
      strategy,
      selector: { matchLabels: selected },
      template: {
        metadata: {
          labels: { ...labels(facts), ...selected },
          annotations: { "nocobase-fleet/secrets": inputs.secretsMark },
        },
        spec: pod(facts, inputs),
      },
    },
  };
}

function replicas({ plan }: InstanceFacts): number {
  return plan.state === "stopped" ? 0 : plan.replicas.length;
}

/** Whether the number of replicas is an autoscaler's, from the first one on. */
export function isAutoscaled({ plan }: Pick<InstanceFacts, "plan">): boolean {
  return plan.autoscale !== undefined && plan.state === "running";
}

/** A number that the stack file says is taken back from an autoscaler that was, and from who scaled by hand. */
function ownership(facts: InstanceFacts): Record<string, string> | undefined {
  return isAutoscaled(facts) ? undefined : { "pulumi.com/patchForce": "true" };
}

function pod<Text>(facts: InstanceFacts, inputs: PodInputs<Text>) {
  const { placement } = facts;
  const { nodeSelector, tolerations, priorityClass } = placement;
  const pullSecrets = pullSecretNames(facts.cluster);
  return {
    serviceAccountName: APP,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: STOP_LIMIT_SECONDS,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      fsGroup: USER,
      // A large volume is walked once, not at each start.
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets.map((name) => ({ name })) } : {}),
    ...preferences(facts),
    ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector: { ...nodeSelector } } : {}),
    ...(tolerations.length > 0 ? { tolerations: tolerations.map(toleration) } : {}),
    ...(priorityClass ? { priorityClassName: priorityClass } : {}),
    topologySpreadConstraints: ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map(
      (topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: podSelector },
      }),
    ),
    containers: [container(facts, inputs)],
    volumes: [
      { name: FILES, persistentVolumeClaim: { claimName: FILES } },
      { name: "tmp", emptyDir: { sizeLimit: "1Gi" } },
    ],
  };
}

/** Image of a release. */
export function nocobaseImage({ image }: Pick<KubernetesPlan, "image">, release: string): string {
  return image.replaceAll("{version}", release);
}

function toleration({ key, value, effect }: InstanceFacts["placement"]["tolerations"][number]) {
  const match = value === undefined ? { operator: "Exists" } : { operator: "Equal", value };
  return { key, ...match, ...(effect ? { effect } : {}) };
}

function preferences({ placement: { preferredNodes } }: InstanceFacts) {
  const labelled = Object.entries(preferredNodes);
  if (labelled.length === 0) return {};
  const preferred = labelled.map(([label, value]) => ({
    weight: 100,
    preference: { matchExpressions: [{ key: label, operator: "In", values: [value] }] },
  }));
  return { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } } };
}

function container<Text>({ plan, cluster }: InstanceFacts, { variables }: PodInputs<Text>) {
  const memory = `${memoryLimit(plan)}Mi`;
  const { cpuMillis } = plan.resources;
  const cpu = cpuMillis === undefined ? {} : { cpu: `${cpuMillis}m` };
  const probe = { httpGet: HEALTH, periodSeconds: PROBE_SECONDS, timeoutSeconds: 4 };
  const plain = Object.entries(variables).map(([name, value]) => ({ name, value }));
  return {
    name: "nocobase",
    image: nocobaseImage(cluster, plan.release),
    ports: [{ name: "http", containerPort: plan.port }],
    env: [
      // Each replica's own name, as replicas know each other.
      { name: "FLEET_REPLICA", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      ...plain,
    ],
    envFrom: [{ secretRef: { name: VARIABLES } }],
    resources: {
      requests: { cpu: `${requestedCpu(plan)}m`, memory },
      limits: { memory, ...cpu },
    },
    startupProbe: { ...probe, failureThreshold: START_LIMIT_SECONDS / PROBE_SECONDS },
    readinessProbe: { ...probe, failureThreshold: 2 },
    // Long enough for a slow answer not to cost a restart.
    livenessProbe: { ...probe, periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 8 },
    lifecycle: {
      preStop: { exec: { command: ["node", "-e", `setTimeout(() => {}, ${DRAIN_SECONDS * 1000})`] } },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: FILES, mountPath: STORAGE },
      { name: "tmp", mountPath: "/tmp" },
    ],
  };
}

function requestedCpu({ autoscale, resources }: InstanceFacts["plan"]): number {
  const { cpuMillis } = resources;
  return autoscale
    ? (cpuMillis ?? SCALED_CPU_MILLIS)
    : Math.min(cpuMillis ?? IDLE_CPU_MILLIS, IDLE_CPU_MILLIS);
}
