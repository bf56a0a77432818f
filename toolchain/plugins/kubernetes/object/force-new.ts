/** Fields that can't be changed in place; as the official plugin has them. */
import type { KubernetesObject } from "../api/kinds";
import { isObject } from "./prune";

const EVERY = ["metadata.name", "metadata.namespace"];

const CONTAINER_FIELDS = [
  ...[
    "args",
    "command",
    "env",
    "env.value",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
  ],
  ...["readinessProbe", "resources", "securityContext", "stdin", "stdinOnce", "terminationMessagePath"],
  ...["terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts", "workingDir"],
];

const POD_FIELDS = [
  ...[
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
  ],
  ...[
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostname",
    "imagePullSecrets",
    "nodeName",
    "nodeSelector",
    "overhead",
  ],
  ...[
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "restartPolicy",
    "runtimeClassName",
  ],
  ...["schedulerName", "securityContext", "serviceAccount", "serviceAccountName", "shareProcessNamespace"],
  ...["subdomain", "terminationGracePeriodSeconds", "volumes"],
];

const VOLUME_SOURCES = [
  ...[
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
  ],
  ...["gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk"],
  ...["portworxVolume", "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume"],
];

const spec = (...names: string[]): string[] => names.map((name) => `spec.${name}`);

/** By API group and kind; the versions that are still served differ in nothing here. */
const BY_KIND: Readonly<Record<string, readonly string[]>> = {
  "/PersistentVolume": spec(...VOLUME_SOURCES),
  "/PersistentVolumeClaim": spec("accessModes", "selector", "storageClassName", "volumeName"),
  "/Pod": [
    ...spec(...POD_FIELDS),
    ...CONTAINER_FIELDS.flatMap((field) => spec(`containers[*].${field}`, `initContainers[*].${field}`)),
  ],
  "/ResourceQuota": spec("scopes"),
  "/Service": spec("clusterIP"),
  "apps/DaemonSet": spec("selector"),
  "apps/Deployment": spec("selector"),
  "apps/StatefulSet": spec(
    ...["podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"],
  ),
  "batch/Job": spec("completions", "parallelism", "selector", "template"),
  "rbac.authorization.k8s.io/ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/RoleBinding": ["roleRef"],
  "storage.k8s.io/StorageClass": ["parameters", "provisioner"],
};

export interface Mutable {
  /** Data of Secrets may be changed in place (provider option `enableSecretMutable`). */
  secrets: boolean;
  /** As `secrets`, for ConfigMaps. */
  configMaps: boolean;
}

/** Property paths whose change needs a new object, `[*]` for every item of a list. */
export function forceNewPaths(object: KubernetesObject, mutable: Mutable): readonly string[] {
  const group = object.apiVersion.includes("/") ? (object.apiVersion.split("/")[0] ?? "") : "";
  const kind = `${group}/${object.kind}`;
  const isImmutable = object.immutable === true;
  if (kind === "/Secret") {
    return [...EVERY, ...(mutable.secrets && !isImmutable ? ["type"] : ["type", "stringData", "data"])];
  }
  if (kind === "/ConfigMap") {
    return [...EVERY, ...(mutable.configMaps && !isImmutable ? [] : ["binaryData", "data"])];
  }
  return [...EVERY, ...(BY_KIND[kind] ?? [])];
}

type Path = readonly (string | number)[];

/** Whether a change of `value` at `path` touches one of the fields: it lies in one, or has one within. */
export function touches(fields: readonly string[], path: Path, value: unknown): boolean {
  return fields.some((field) => meets(segments(field), path, value));
}

function segments(field: string): (string | typeof ANY)[] {
  return field.split(".").flatMap((part) => (part.endsWith("[*]") ? [part.slice(0, -3), ANY] : [part]));
}

const ANY = Symbol("every item");

function meets(field: readonly (string | typeof ANY)[], path: Path, value: unknown): boolean {
  const [wanted, ...rest] = field;
  if (wanted === undefined) return true;
  const [step, ...further] = path;
  if (step !== undefined) {
    const isSame = wanted === ANY ? typeof step === "number" : wanted === step;
    return isSame && meets(rest, further, value);
  }
  if (wanted === ANY) return Array.isArray(value) && value.some((item) => meets(rest, [], item));
  return isObject(value) && wanted in value && meets(rest, [], value[wanted]);
}
