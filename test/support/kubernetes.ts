/**
 * A real Kubernetes for tests: etcd, API server, controllers and scheduler on loopback ports of their own, and nodes
 * that kwok plays: pods become ready and jobs complete, though nothing runs.
 */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { Props } from "../../providers/kit/types";
import { Cluster } from "../../toolchain/plugins/kubernetes/api/cluster";
import { ApiError } from "../../toolchain/plugins/kubernetes/api/errors";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import {
  apiServerArguments,
  controllerArguments,
  etcdArguments,
  schedulerArguments,
} from "./kubernetes-control-plane";
import { freePort } from "./ports";
import { kubernetesProgram } from "./kubernetes-program";
import { kwokSettings, type Inside } from "./kwok";
import type { Sandbox } from "./sandbox";

const READY_LIMIT_MS = 300_000;
const STOP_LIMIT_MS = 10_000;
const POLL_MS = 100;
const NODE_ANNOTATION = "kwok.x-k8s.io/node";
const SECRET_FILE = { mode: 0o600 };

/** The one node that is not played, where there is one. */
export const REAL_NODE = "real";

/** Users that components and tests sign in as: name and group. Each gets a token of its own. */
const USERS = {
  admin: ["admin", "system:masters"],
  kwok: ["kwok", "system:masters"],
  controllers: ["system:kube-controller-manager", ""],
  scheduler: ["system:kube-scheduler", ""],
  kubelet: [`system:node:${REAL_NODE}`, "system:nodes"],
  proxy: ["system:kube-proxy", ""],
} as const;

type User = keyof typeof USERS;

export interface ClusterOptions {
  /** Fake nodes. Default 3, labelled `pool: pool-0` and so on. Without any nothing is played. */
  nodes?: number;
  /** What is behind the played pods; default nothing: they take neither connections nor programs. */
  inside?: Inside;
  /** Where the cluster's processes have their network; default the machine's own. */
  sandbox?: Sandbox;
}

/** One cluster. Make it with {@link TestCluster.start}; call {@link stop} in the end. */
export class TestCluster {
  private readonly processes = new Map<string, ChildProcess>();
  private readonly tokens = Object.fromEntries(
    Object.keys(USERS).map((user) => [user, randomBytes(16).toString("hex")]),
  ) as Record<User, string>;

  private constructor(
    private readonly program: string,
    private readonly folder: string,
    readonly port: number,
    private readonly etcdPort: number,
    private readonly sandbox: Sandbox | undefined,
  ) {
    process.once("exit", () => this.kill());
  }

  /** @throws NoKubernetes where there is no Go to build it, Error with a log's end where a part does not start */
  static async start({ nodes = 3, inside, sandbox }: ClusterOptions = {}): Promise<TestCluster> {
    const program = await kubernetesProgram();
    const folder = await mkdtemp(join(tmpdir(), "fleet-kubernetes-"));
    const cluster = new TestCluster(program, folder, await freePort(), await freePort(), sandbox);
    try {
      for (const port of [cluster.port, cluster.etcdPort]) await sandbox?.open(port);
      await cluster.startControlPlane(nodes > 0, inside);
      if (nodes > 0) await cluster.addNodes(nodes);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Address of the API server. */
  get address(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Certificate authority of the API server, PEM. */
  get authority(): string {
    return readFileSync(this.authorityFile, "utf8");
  }

  /** A kubeconfig with one context, `test`, as YAML (JSON is YAML). Default: of the administrator. */
  kubeconfig(token: string = this.tokens.admin, context = "test"): string {
    const authority = Buffer.from(this.authority).toString("base64");
    const cluster = { server: this.address, "certificate-authority-data": authority };
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": context,
      clusters: [{ name: context, cluster }],
      contexts: [{ name: context, context: { cluster: context, user: context } }],
      users: [{ name: context, user: { token } }],
    });
  }

  /** What `kubectl` is to a person: any object, as the administrator unless a token is given. */
  objects(token?: string): Cluster {
    return new Cluster(configOf(this.kubeconfig(token)), 0);
  }

  /** A token for a service account that is there. */
  async tokenOf(namespace: string, name: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const made = await this.objects().client.request({ method: "POST", path, body });
    return String((made.status as Props).token);
  }

  /** Whether the API server takes the token for somebody's. */
  async isLetIn(token: string): Promise<boolean> {
    const asked = this.objects(token).client.request({ method: "GET", path: "/api/v1/nodes" });
    return await asked.then(
      () => true,
      (error: unknown) => !(error instanceof ApiError && error.code === 401),
    );
  }

  /** What tokens of service accounts are signed with, PEM. */
  get signingKey(): string {
    return readFileSync(this.signingKeyFile, "utf8");
  }

  /** Stops a part of the cluster from answering, its connections stay open; undone by {@link thaw}. */
  freeze(part: "kube-apiserver" | "kwok"): void {
    this.processes.get(part)?.kill("SIGSTOP");
  }

  thaw(part: "kube-apiserver" | "kwok"): void {
    this.processes.get(part)?.kill("SIGCONT");
  }

  /** Ends the API server; {@link startApiServer} brings it back with all it held. */
  async stopApiServer(): Promise<void> {
    await this.end("kube-apiserver");
  }

  async startApiServer(): Promise<void> {
    this.launch("kube-apiserver", apiServerArguments(this.layout));
    await this.until("kube-apiserver", async () => {
      await this.objects().client.request({ method: "GET", path: "/readyz" });
    });
  }

  /** Ends every process and removes all files. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.processes.keys()].filter((name) => name !== "etcd").map((name) => this.end(name)),
    );
    await this.end("etcd");
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** File with a kubeconfig of one of the cluster's own users. */
  async userFile(user: User): Promise<string> {
    const file = join(this.folder, `${user}.kubeconfig`);
    await writeFile(file, this.kubeconfig(this.tokens[user]), SECRET_FILE);
    return file;
  }

  private get layout() {
    const { folder, port, etcdPort, authorityFile, signingKeyFile } = this;
    return { folder, port, etcdPort, authorityFile, signingKeyFile };
  }

  private get authorityFile(): string {
    // The API server makes a certificate that signs itself, and writes it together with its authority.
    return join(this.folder, "apiserver.crt");
  }

  private get signingKeyFile(): string {
    return join(this.folder, "service-accounts.key");
  }

  private async startControlPlane(plays: boolean, inside: Inside | undefined): Promise<void> {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    await writeFile(this.signingKeyFile, privateKey.export({ type: "pkcs1", format: "pem" }), SECRET_FILE);
    const users = Object.entries(USERS).map(
      ([user, [name, group]]) => `${this.tokens[user as User]},${name},${user},"${group}"`,
    );
    await writeFile(join(this.folder, "tokens.csv"), `${users.join("\n")}\n`, SECRET_FILE);
    await this.startEtcd();
    await this.startApiServer();
    this.launch(
      "kube-controller-manager",
      controllerArguments(this.layout, await this.userFile("controllers")),
    );
    this.launch("kube-scheduler", schedulerArguments(await this.userFile("scheduler")));
    if (plays) await this.startKwok(inside);
    await this.until("kube-controller-manager", async () => {
      const metadata = { namespace: "default", name: "default" };
      const found = await this.objects().find({ apiVersion: "v1", kind: "ServiceAccount", metadata });
      if (!found) throw new Error("no service account has been made");
    });
  }

  private async startKwok(inside: Inside | undefined): Promise<void> {
    const settings = join(this.folder, "kwok.yaml");
    await writeFile(settings, kwokSettings(inside), SECRET_FILE);
    this.launch("kwok", [
      `--kubeconfig=${await this.userFile("kwok")}`,
      `--config=${settings}`,
      `--manage-nodes-with-annotation-selector=${NODE_ANNOTATION}=fake`,
      "--cidr=10.100.0.0/16",
      "--node-ip=127.0.0.1",
      "--node-lease-duration-seconds=40",
      ...(inside ? await this.kubeletArguments() : []),
    ]);
  }

  private async kubeletArguments(): Promise<string[]> {
    const port = await freePort();
    return [
      `--node-port=${port}`,
      `--server-address=127.0.0.1:${port}`,
      `--tls-cert-file=${this.authorityFile}`,
      `--tls-private-key-file=${join(this.folder, "apiserver.key")}`,
    ];
  }

  private async startEtcd(): Promise<void> {
    const client = this.etcdPort;
    const folder = join(this.folder, "etcd");
    this.launch("etcd", etcdArguments({ folder, client, peer: await freePort() }));
    await this.until("etcd", () => answersOk(`http://127.0.0.1:${client}/health`));
  }

  private async addNodes(count: number): Promise<void> {
    const capacity = { cpu: "64", memory: "512Gi", pods: "5000", "ephemeral-storage": "1Ti" };
    for (let index = 0; index < count; index++) {
      const name = `node-${index}`;
      const labels = { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", pool: `pool-${index}` };
      await this.objects().create({
        ...{ apiVersion: "v1", kind: "Node" },
        metadata: { name, labels, annotations: { [NODE_ANNOTATION]: "fake" } },
        status: { allocatable: capacity, capacity },
      });
    }
    await this.until("kwok", async () => {
      const nodes = await this.objects().list({ apiVersion: "v1", kind: "Node", metadata: {} });
      if (!nodes.every(isReady)) throw new Error("a node is not ready");
    });
  }

  private launch(name: string, args: readonly string[]): void {
    const log = openSync(join(this.folder, `${name}.log`), "a");
    const options: SpawnOptions = { cwd: this.folder, stdio: ["ignore", log, log] };
    const all = [name, ...args];
    const child = this.sandbox?.spawn(this.program, all, options) ?? spawn(this.program, all, options);
    closeSync(log);
    this.processes.set(name, child);
  }

  /** Waits until `ready` no longer throws. */
  private async until(name: string, ready: () => Promise<void>): Promise<void> {
    const limit = Date.now() + READY_LIMIT_MS;
    for (;;) {
      const child = this.processes.get(name);
      const ended = child === undefined || child.exitCode !== null || child.signalCode !== null;
      const failure = ended ? "ended" : await ready().then(() => undefined, String);
      if (failure === undefined) return;
      if (ended || Date.now() > limit) {
        const lines = (await readFile(join(this.folder, `${name}.log`), "utf8")).trim().split("\n");
        throw new Error(`${name} of the test cluster: ${failure}\n${lines.slice(-5).join("\n")}`);
      }
      await sleep(POLL_MS);
    }
  }

  private async end(name: string): Promise<void> {
    const child = this.processes.get(name);
    this.processes.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    await ended;
    clearTimeout(killer);
  }

  private kill(): void {
    for (const child of this.processes.values()) child.kill("SIGKILL");
  }
}

export function isReady({ status }: KubernetesObject): boolean {
  const conditions = ((status as Props).conditions ?? []) as { type: string; status: string }[];
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

/** A client's configuration out of a kubeconfig's text. */
export function configOf(kubeconfig: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  return config;
}

function answersOk(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(address, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`${address} answers ${response.statusCode ?? "nothing"}`));
    });
    asked.once("error", reject);
    asked.end();
  });
}
