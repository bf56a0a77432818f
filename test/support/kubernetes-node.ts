/**
 * One real node for a test cluster, for who wants pods that run: {@link TestNode.start} makes a sandbox, in it a control
 * plane and a node of kubelet, containerd, the bridge network of the CNI plugins, and kube-proxy. Pods are reached by
 * address: there is no cluster DNS, and the bridge enforces no NetworkPolicies.
 */
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { imageArchive } from "../../platforms/docker/images/archive";
import { folderLayer } from "../../platforms/docker/images/layers";
import { findOnPath, tail } from "../../toolchain/process";
import { installPackages } from "./apt";
import { TestCluster, REAL_NODE, isReady } from "./kubernetes";
import { kubernetesProgram } from "./kubernetes-program";
import { CNI_PROGRAMS, PAUSE_IMAGE, cniSettings, containerdSettings } from "./node-settings";
import { kubeletSettings, proxySettings } from "./node-settings";
import { NoSandbox, Sandbox, sbinPath } from "./sandbox";

/** Of the node in its sandbox. Pods reach what listens there. */
export const NODE_ADDRESS = "10.200.0.1";

const READY_LIMIT_MS = 180_000;
const POLL_MS = 200;
const SOCKET = "/run/containerd/containerd.sock";

/** Programs of Debian's packages. */
const PROGRAMS = ["containerd", "ctr", "runc", "iptables"];
const PACKAGES = ["docker.io", "containernetworking-plugins", "iptables"];

export class TestNode {
  private readonly processes = new Map<string, ChildProcess>();

  private constructor(
    private readonly folder: string,
    readonly sandbox: Sandbox,
    readonly cluster: TestCluster,
  ) {}

  /**
   * @param playedNodes beside the real one
   * @throws NoSandbox where there can be none here, NoKubernetes where there is no Go, Error with a log's end
   */
  static async start(playedNodes = 0): Promise<TestNode> {
    await ensurePrograms();
    // First what other tests wait for, too.
    await kubernetesProgram();
    const [program, pause] = [await kubernetesProgram("node"), await kubernetesProgram("pause")];
    const folder = await mkdtemp(join(tmpdir(), "fleet-node-"));
    const sandbox = await Sandbox.start(scripts(folder));
    let node: TestNode | undefined;
    try {
      const cluster = await TestCluster.start({ nodes: playedNodes, sandbox });
      node = new TestNode(folder, sandbox, cluster);
      await node.startRuntime(pause);
      await node.startNode(program);
      return node;
    } catch (error) {
      await (node?.stop() ?? sandbox.stop());
      throw error;
    }
  }

  /** Has containerd take an image, as `docker save` writes them. */
  async addImage(archive: Readable): Promise<void> {
    const child = this.runInside(
      "ctr",
      ["--namespace=k8s.io", "images", "import", "-"],
      ["pipe", "ignore", "pipe"],
    );
    const errors = text(child.stderr!);
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    await pipeline(archive, child.stdin!).catch(() => undefined);
    if ((await ended) !== 0) throw new Error(`containerd takes no image: ${tail(await errors)}`);
  }

  /** A folder of this machine that lies on the node, for volumes. */
  get volumes(): string {
    return join(this.folder, "volumes");
  }

  /** Ends and removes everything. */
  async stop(): Promise<void> {
    await this.cluster.stop();
    await this.sandbox.stop();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private async startRuntime(pause: string): Promise<void> {
    const { folder } = this;
    await mkdir(join(folder, "cni"));
    await writeFile(join(folder, "cni", "pods.conflist"), JSON.stringify(cniSettings()));
    await writeFile(join(folder, "containerd.toml"), containerdSettings(folder));
    this.launch("containerd", "containerd", [`--config=${join(folder, "containerd.toml")}`]);
    await this.until("containerd", async () => {
      const child = this.runInside("ctr", ["version"], "ignore");
      return (await new Promise((resolve) => child.once("exit", resolve))) === 0;
    });
    const layer = await folderLayer([{ source: pause, prefix: "pause" }], join(folder, "pause.tar"));
    const config = {
      ...{ User: "65535:65535", Env: [], WorkingDir: "/", Entrypoint: ["/pause"], Cmd: [] },
      ...{ ExposedPorts: {}, StopSignal: "SIGTERM" },
    };
    await this.addImage(imageArchive({ name: "pause", config }, [layer], PAUSE_IMAGE).stream());
  }

  private async startNode(program: string): Promise<void> {
    const { folder, cluster } = this;
    const write = async (name: string, settings: object): Promise<string> => {
      const file = join(folder, name);
      await writeFile(file, JSON.stringify(settings));
      return file;
    };
    const cgroup = cgroupOf(folder);
    this.launch("kubelet", program, [
      "kubelet",
      `--config=${await write("kubelet.yaml", kubeletSettings({ folder, address: NODE_ADDRESS, cgroup, socket: SOCKET }))}`,
      `--kubeconfig=${await cluster.userFile("kubelet")}`,
      `--root-dir=${join(folder, "kubelet")}`,
      `--cert-dir=${join(folder, "certificates")}`,
      `--hostname-override=${REAL_NODE}`,
      `--node-ip=${NODE_ADDRESS}`,
    ]);
    const kubeconfig = await cluster.userFile("proxy");
    const proxy = proxySettings({ kubeconfig, address: NODE_ADDRESS, name: REAL_NODE });
    this.launch("kube-proxy", program, ["kube-proxy", `--config=${await write("proxy.yaml", proxy)}`]);
    await this.until("kubelet", async () => {
      const metadata = { name: REAL_NODE };
      const found = await cluster.objects().find({ apiVersion: "v1", kind: "Node", metadata });
      return found !== undefined && isReady(found);
    });
  }

  private runInside(program: string, args: readonly string[], stdio: SpawnOptions["stdio"]): ChildProcess {
    return this.sandbox.spawnInside(program, args, { stdio });
  }

  private launch(name: string, program: string, args: readonly string[]): void {
    const log = openSync(this.logOf(name), "a");
    this.processes.set(name, this.runInside(program, args, ["ignore", log, log]));
    closeSync(log);
  }

  private logOf(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  private async until(name: string, isTrue: () => Promise<boolean>): Promise<void> {
    const limit = Date.now() + READY_LIMIT_MS;
    while (!(await isTrue())) {
      if (this.processes.get(name)?.exitCode !== null || Date.now() > limit) {
        throw new Error(`${name} of the test node:\n${tail(await readFile(this.logOf(name), "utf8"))}`);
      }
      await sleep(POLL_MS);
    }
  }
}

async function ensurePrograms(): Promise<void> {
  const isThere = () =>
    PROGRAMS.every((name) => findOnPath(name, sbinPath())) && existsSync(join(CNI_PROGRAMS, "bridge"));
  if (isThere()) return;
  const refused = await installPackages(...PACKAGES);
  if (refused !== undefined) throw new NoSandbox(refused);
  if (!isThere()) throw new NoSandbox(`Debian's ${PACKAGES.join(", ")} lack a program`);
}

function cgroupOf(folder: string): string {
  return basename(folder);
}

function scripts(folder: string) {
  const cgroups = `/sys/fs/cgroup/*/${cgroupOf(folder)} /sys/fs/cgroup/${cgroupOf(folder)}`;
  return {
    setup: [
      // What the node mounts for its pods must be seen by containerd, wherever it was mounted.
      "mount --make-rshared /",
      // Fixed places of kubelet and containerd.
      "for at in /run /var/lib /var/log; do mount -t tmpfs tmpfs $at; done",
      "ip link set lo up",
      "ip link add node type bridge",
      `ip address add ${NODE_ADDRESS}/24 dev node`,
      "ip link set node up",
      // Addresses of Services have to lead somewhere before they are rewritten.
      `ip route add default dev node src ${NODE_ADDRESS}`,
      "echo 1 >/proc/sys/net/ipv4/ip_forward",
      "echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables || true",
      // Version 1 has a tree for each controller, version 2 one for all.
      `if [ -e /sys/fs/cgroup/cgroup.controllers ]; then mkdir /sys/fs/cgroup/${cgroupOf(folder)}`,
      `else for tree in /sys/fs/cgroup/*/; do mkdir "$tree/${cgroupOf(folder)}"; done; fi`,
    ],
    cleanup: [
      `for i in $(seq 50); do find ${cgroups} -depth -type d -exec rmdir {} + 2>/dev/null`,
      `ls -d ${cgroups} >/dev/null 2>&1 || break; sleep 0.1; done`,
      `rm -rf ${folder}`,
    ],
  };
}
