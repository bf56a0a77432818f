/** How the parts of a test cluster's control plane are started. */
import { join } from "node:path";

/** Where a cluster's own files and ports are. */
export interface ClusterLayout {
  readonly folder: string;
  /** Of the API server. */
  readonly port: number;
  readonly etcdPort: number;
  /** PEM file with the API server's certificate authority. */
  readonly authorityFile: string;
  /** PEM file with what tokens of service accounts are signed with. */
  readonly signingKeyFile: string;
}

const LOOPBACK = "127.0.0.1";
/** Far above the defaults: tests make hundreds of objects at once. */
const LIMITS = ["--kube-api-qps=400", "--kube-api-burst=800"];

/** @param folder of its data @param client port @param peer port */
export function etcdArguments(at: { folder: string; client: number; peer: number }): string[] {
  const [client, peer] = [at.client, at.peer].map((port) => `http://${LOOPBACK}:${port}`);
  return [
    "--name=test",
    `--data-dir=${at.folder}`,
    "--unsafe-no-fsync",
    `--listen-client-urls=${client!}`,
    `--advertise-client-urls=${client!}`,
    `--listen-peer-urls=${peer!}`,
    `--initial-advertise-peer-urls=${peer!}`,
    `--initial-cluster=test=${peer!}`,
    "--log-level=warn",
    "--quota-backend-bytes=4294967296",
  ];
}

export function apiServerArguments({ folder, port, etcdPort, signingKeyFile }: ClusterLayout): string[] {
  return [
    `--etcd-servers=http://${LOOPBACK}:${etcdPort}`,
    `--bind-address=${LOOPBACK}`,
    `--advertise-address=${LOOPBACK}`,
    `--secure-port=${port}`,
    "--endpoint-reconciler-type=none",
    `--cert-dir=${folder}`,
    `--token-auth-file=${join(folder, "tokens.csv")}`,
    "--authorization-mode=Node,RBAC",
    "--anonymous-auth=false",
    "--allow-privileged=true",
    "--service-cluster-ip-range=10.96.0.0/16",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${signingKeyFile}`,
    `--service-account-signing-key-file=${signingKeyFile}`,
    // A played kubelet answers there alone.
    "--kubelet-preferred-address-types=InternalIP",
    "--max-requests-inflight=800",
    "--max-mutating-requests-inflight=400",
    "--profiling=false",
  ];
}

/** @param kubeconfig file of the controllers' user */
export function controllerArguments(
  { folder, authorityFile, signingKeyFile }: ClusterLayout,
  kubeconfig: string,
): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    ...LIMITS,
    "--secure-port=0",
    "--leader-elect=false",
    `--service-account-private-key-file=${signingKeyFile}`,
    `--root-ca-file=${authorityFile}`,
    "--use-service-account-credentials=true",
    `--flex-volume-plugin-dir=${join(folder, "volumes")}`,
    "--concurrent-deployment-syncs=20",
    "--concurrent-replicaset-syncs=20",
    "--concurrent-namespace-syncs=20",
  ];
}

/** @param kubeconfig file of the scheduler's user */
export function schedulerArguments(kubeconfig: string): string[] {
  return [`--kubeconfig=${kubeconfig}`, ...LIMITS, "--secure-port=0", "--leader-elect=false"];
}
