/** Tells whether an object that a killed run was making is there, and this stack's. */
import type { Props } from "../../providers/kit/types";
import { Cluster } from "../../toolchain/plugins/kubernetes/api/cluster";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import { clusterConfig } from "../../toolchain/plugins/kubernetes/config";
import { STACK_LABEL } from "./manifests/object";

/** How long a cluster that doesn't answer is asked again, milliseconds. */
const PATIENCE_MS = 10_000;

/** What Pulumi's field managers begin with. */
const PULUMI = "pulumi-kubernetes";

interface Manager {
  manager: string;
  subresource?: string;
  fieldsV1?: Props;
}

/**
 * Whether the object is there, has this stack's label, and what it asks for was written by Pulumi alone.
 * @param wanted inputs of the object that was being made
 * @param provider inputs of its provider
 */
export async function isOurs(wanted: Props, provider: Props): Promise<boolean> {
  const object = wanted as KubernetesObject;
  const cluster = new Cluster(clusterConfig(provider).config, PATIENCE_MS);
  const live = await cluster.find(object).catch(() => undefined);
  if (!live) return false;
  const managers = (live.metadata.managedFields ?? []) as Manager[];
  // Controllers keep an object's status, may set its defaults, and put finalizers and notes on it.
  const own = managers.filter(
    ({ manager, subresource, fieldsV1 = {} }) =>
      !subresource &&
      !manager.startsWith("kube-") &&
      (manager.startsWith(PULUMI) || Object.keys(fieldsV1).some((field) => field !== "f:metadata")),
  );
  const isMade = own.length > 0 && own.every(({ manager }) => manager.startsWith(PULUMI));
  return isMade && stackOf(live) !== undefined && stackOf(live) === stackOf(object);
}

function stackOf({ metadata }: KubernetesObject): unknown {
  return (metadata.labels as Props | undefined)?.[STACK_LABEL];
}
