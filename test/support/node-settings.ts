/** Settings of what runs on a real node of a test cluster. */
import { join } from "node:path";

/** Where Debian puts the CNI plugins. */
export const CNI_PROGRAMS = "/usr/lib/cni";
export const PAUSE_IMAGE = "localhost/pause:1";

const PODS = "10.244.0.0/24";

/** One bridge for all pods, which get out by the node's address. */
export function cniSettings(): object {
  const ipam = { type: "host-local", ranges: [[{ subnet: PODS }]], routes: [{ dst: "0.0.0.0/0" }] };
  const bridge = { type: "bridge", bridge: "pods", isGateway: true, ipMasq: true, hairpinMode: true, ipam };
  return { cniVersion: "0.4.0", name: "pods", plugins: [bridge] };
}

/** @param folder of what stays on disk */
export function containerdSettings(folder: string): string {
  return `version = 2
root = "${join(folder, "containerd")}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(folder, "opt")}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  # In a narrow sandbox nobody may lower it.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${CNI_PROGRAMS}"
    conf_dir = "${join(folder, "cni")}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`;
}

/** @param at its own folder, the node's address, its root of control groups, and containerd's socket */
export function kubeletSettings(at: {
  folder: string;
  address: string;
  cgroup: string;
  socket: string;
}): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: at.address,
    healthzBindAddress: "127.0.0.1",
    // Nobody gets at it but the API server and what the tests themselves run in the sandbox.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: "AlwaysAllow" },
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${at.cgroup}`,
    failCgroupV1: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    containerRuntimeEndpoint: `unix://${at.socket}`,
    podLogsDir: join(at.folder, "logs"),
    volumePluginDir: join(at.folder, "plugins"),
    resolvConf: "",
    evictionHard: { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    imageGCHighThresholdPercent: 100,
  };
}

export function proxySettings(at: { kubeconfig: string; address: string; name: string }): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "iptables",
    hostnameOverride: at.name,
    clusterCIDR: PODS,
    bindAddress: at.address,
    healthzBindAddress: "127.0.0.1:10256",
    metricsBindAddress: "127.0.0.1:10249",
    clientConnection: { kubeconfig: at.kubeconfig },
    // The machine's own limits stay as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
}
