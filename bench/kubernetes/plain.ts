/** The peer: the same objects made by a plain client, with nothing to remember and nothing to compare. */
import { setTimeout as sleep } from "node:timers/promises";
import type { TestCluster } from "../../test/support/kubernetes";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";

const WORKERS = 16;
const POLL_MS = 200;

/** The same objects in namespaces of other names. @param prefix before each namespace's name */
export function copied(objects: readonly KubernetesObject[], prefix: string): KubernetesObject[] {
  return objects.map((object) => {
    const { name, namespace, ...rest } = object.metadata;
    const metadata =
      object.kind === "Namespace"
        ? { ...rest, name: `${prefix}-${name ?? ""}` }
        : { ...rest, name, namespace: `${prefix}-${namespace ?? ""}` };
    return { ...object, metadata };
  });
}

/**
 * Creates the objects with 16 requests under way, and waits until all Deployments are available.
 * @param prefix that all their namespaces' names begin with, and no others
 */
export async function runPlain(
  cluster: TestCluster,
  objects: readonly KubernetesObject[],
  prefix: string,
): Promise<void> {
  const client = cluster.objects();
  const isNamespace = ({ kind }: KubernetesObject) => kind === "Namespace";
  const create = (object: KubernetesObject) => client.create(object);
  await inParallel(objects.filter(isNamespace), create);
  await inParallel(
    objects.filter((object) => !isNamespace(object)),
    create,
  );
  const wanted = objects.filter(({ kind }) => kind === "Deployment").length;
  while ((await available(cluster, prefix)) < wanted) await sleep(POLL_MS);
}

async function available(cluster: TestCluster, prefix: string): Promise<number> {
  const { items } = (await cluster
    .objects()
    .client.request({ method: "GET", path: "/apis/apps/v1/deployments" })) as { items: KubernetesObject[] };
  return items.filter(({ metadata, status }) => {
    const { availableReplicas = 0 } = (status ?? {}) as { availableReplicas?: number };
    return metadata.namespace?.startsWith(prefix) === true && availableReplicas > 0;
  }).length;
}

async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
}
