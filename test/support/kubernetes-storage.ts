/** Storage and a deployer for the test cluster: what an administrator gives a fleet. */
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { PROJECT_DIR } from "../../toolchain/locations";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import { REAL_NODE, type TestCluster } from "./kubernetes";

const CLASS = "tests";

/**
 * A default storage class, and volumes for so many claims: nothing here makes volumes by itself.
 * @param folder of the real node, for volumes that pods can use
 */
export async function addStorage(cluster: TestCluster, volumes: number, folder?: string): Promise<void> {
  const objects = cluster.objects();
  await objects.create({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: CLASS, annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
    provisioner: "kubernetes.io/no-provisioner",
    volumeBindingMode: "WaitForFirstConsumer",
    reclaimPolicy: "Retain",
  });
  for (let index = 0; index < volumes; index++) {
    await objects.create({
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: `volume-${index}` },
      spec: {
        storageClassName: CLASS,
        capacity: { storage: "20Gi" },
        accessModes: ["ReadWriteOnce", "ReadWriteMany"],
        ...(folder === undefined
          ? { hostPath: { path: `/nowhere/${index}` } }
          : await localVolume(join(folder, String(index)))),
        persistentVolumeReclaimPolicy: "Retain",
      },
    });
  }
}

/** Root's alone: the kubelet gives it to the pod's group. */
async function localVolume(path: string) {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values: [REAL_NODE] }];
  return {
    local: { path },
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
  };
}

/** @returns the kubeconfig of somebody with the rights of platforms/kubernetes/deployer-role.yaml and no others */
export async function addDeployer(cluster: TestCluster): Promise<string> {
  const objects = cluster.objects();
  const [namespace, name] = ["default", "deployer"];
  const file = join(PROJECT_DIR, "platforms", "kubernetes", "deployer-role.yaml");
  const role = parse(readFileSync(file, "utf8")) as KubernetesObject;
  await objects.create(role);
  await objects.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace, name } });
  await objects.create({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: "deployer" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role.metadata.name },
    subjects: [{ kind: "ServiceAccount", namespace, name }],
  });
  return cluster.kubeconfig(await cluster.tokenOf(namespace, name));
}
