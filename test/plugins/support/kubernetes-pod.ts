/** A real NocoBase for a played pod: started on this machine as the Deployment in the cluster says. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, open, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureRelease } from "../../../providers/local/release";
import type { Props } from "../../../providers/kit/types";
import type { TestCluster } from "../../support/kubernetes";

const LAUNCHER = resolve(__dirname, "../../../providers/local/launcher/serve.cjs");
const POLL_MS = 200;

interface Variable {
  name: string;
  value?: string;
}

/** What a kubelet would run for one instance. Make it before `up`; call {@link stop} in the end. */
export class PodProcess {
  private process: ChildProcess | undefined;
  private isOver = false;

  /**
   * @param port on this machine, in place of the container's
   * @param folder gets the volume, `storage`, and the log
   */
  constructor(
    private readonly cluster: TestCluster,
    private readonly namespace: string,
    readonly port: number,
    private readonly folder: string,
  ) {}

  get storage(): string {
    return join(this.folder, "storage");
  }

  /** Waits for the Deployment, then starts its container; ends when it has been started, or with {@link stop}. */
  async run(): Promise<void> {
    const release = await ensureRelease("2.2.15");
    const find = (apiVersion: string, kind: string, name: string) =>
      this.cluster.objects().find({ apiVersion, kind, metadata: { namespace: this.namespace, name } });
    let deployment;
    while (!(deployment = await find("apps/v1", "Deployment", "app"))) {
      if (this.isOver) return;
      await sleep(POLL_MS);
    }
    const secret = await find("v1", "Secret", "variables");
    const { template } = deployment.spec as { template: { spec: { containers: { env: Variable[] }[] } } };
    const [container] = template.spec.containers;
    const plain = (container?.env ?? []).flatMap(({ name, value }) =>
      value === undefined ? [] : [[name, value] as const],
    );
    const secrets = Object.entries(secret?.data as Props).map(
      ([name, value]) => [name, Buffer.from(String(value), "base64").toString()] as const,
    );
    await mkdir(this.storage, { recursive: true });
    const log = await open(join(this.folder, "log"), "a");
    const modules = join(release, "node_modules");
    this.process = spawn(process.execPath, [LAUNCHER, "start", "--quickstart"], {
      cwd: this.folder,
      stdio: ["ignore", log.fd, log.fd],
      env: {
        PATH: process.env.PATH,
        ...Object.fromEntries([...plain, ...secrets]),
        NODE_PATH: modules,
        NODE_MODULES_PATH: modules,
        NOCOBASE_EXTRACT_CLIENT_ASSETS: "true",
        APP_HOST: "127.0.0.1",
        APP_PORT: String(this.port),
        STORAGE_PATH: this.storage,
      },
    });
    await log.close();
  }

  async log(): Promise<string> {
    return await readFile(join(this.folder, "log"), "utf8").catch(() => "");
  }

  async stop(): Promise<void> {
    this.isOver = true;
    const child = this.process;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await ended;
  }
}
