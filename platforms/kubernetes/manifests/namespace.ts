/** The namespace of an instance, and what bounds all that is in it. */
import { memoryLimit } from "../environment";
import { labels, metadata, mostReplicas, type InstanceFacts, type Manifest, type Place } from "./object";

const STANDARD = "pod-security.kubernetes.io";
/** Room for pods that start while others are still ending. */
const SURGE = 1;
/** Of pods that name none; every container of a fleet does. */
const DEFAULTS = { cpu: "100m", memory: "256Mi" };

/** Admits pods of the standard `restricted` only. */
export function namespace(facts: Place): Manifest {
  const standard = ["enforce", "audit", "warn"].map((mode) => [`${STANDARD}/${mode}`, "restricted"] as const);
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: facts.namespace, labels: { ...labels(facts), ...Object.fromEntries(standard) } },
  };
}

/** No more than the declared replicas need; neither ports of nodes nor load balancers. */
export function resourceQuota(facts: InstanceFacts): Manifest {
  const { plan } = facts;
  const pods = mostReplicas(plan) + SURGE;
  const memory = `${memoryLimit(plan) * pods}Mi`;
  const hard = {
    pods: String(pods),
    "limits.memory": memory,
    "requests.memory": memory,
    persistentvolumeclaims: "1",
    "services.loadbalancers": "0",
    "services.nodeports": "0",
  };
  return { apiVersion: "v1", kind: "ResourceQuota", metadata: metadata(facts, "quota"), spec: { hard } };
}

export function limitRange(facts: InstanceFacts): Manifest {
  const memory = `${memoryLimit(facts.plan)}Mi`;
  const container = {
    type: "Container",
    default: { memory: DEFAULTS.memory },
    defaultRequest: DEFAULTS,
    max: { memory },
  };
  return {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: metadata(facts, "limits"),
    spec: { limits: [container] },
  };
}

/** Has no rights and no token. */
export function serviceAccount(facts: InstanceFacts): Manifest {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: metadata(facts, "app"),
    automountServiceAccountToken: false,
  };
}
