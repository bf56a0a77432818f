/** How many replicas there are, and how many at least while nodes are drained. */
import { isAutoscaled } from "./deployment";
import { APP, metadata, mostReplicas, podSelector, type InstanceFacts, type Manifest } from "./object";

/** Load comes and goes; replicas go only when it stays away for so long. */
const CALM_SECONDS = 300;

/** Of several replicas one may be away; a single one may always move. */
export function disruptionBudget(facts: InstanceFacts): Manifest | undefined {
  if (mostReplicas(facts.plan) === 1) return undefined;
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadata(facts, APP),
    spec: { maxUnavailable: 1, selector: { matchLabels: podSelector } },
  };
}

export function autoscaler(facts: InstanceFacts): Manifest | undefined {
  const { plan } = facts;
  if (!plan.autoscale || !isAutoscaled(facts)) return undefined;
  const { max, cpuPercent } = plan.autoscale;
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: metadata(facts, APP),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: APP },
      minReplicas: plan.replicas.length,
      maxReplicas: max,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpuPercent } },
        },
      ],
      behavior: { scaleDown: { stabilizationWindowSeconds: CALM_SECONDS } },
    },
  };
}
