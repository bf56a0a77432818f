/** A real NocoBase with the open multi-app manager, as a host of applications, for tests. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ensureRelease } from "../../../providers/local/release";
import { listApplications, Session, until, type Call } from "../../../providers/nocobase/client";
import { freePort } from "../../support/ports";
import type { TestPostgres } from "./postgres";

const LAUNCHER = resolve(__dirname, "../../../providers/local/launcher/serve.cjs");
const PATIENCE = { everyMs: 200, limitMs: 180_000 };

/** One NocoBase process on a database of its own, in a temporary folder. */
export class TestHost {
  readonly account = "host@example.com";
  readonly password = "password-of-the-host";
  readonly encryptionKey = randomBytes(32).toString("hex");
  private process: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly release: string,
    private readonly postgres: TestPostgres,
    readonly port: number,
  ) {}

  /** Installs NocoBase where that wasn't done yet, starts it and switches the multi-app manager on. */
  static async start(postgres: TestPostgres): Promise<TestHost> {
    const release = await ensureRelease("2.2.15");
    const folder = await mkdtemp(join(tmpdir(), "fleet-nocobase-"));
    const host = new TestHost(folder, release, postgres, await freePort());
    await mkdir(host.storage);
    await postgres.sql("CREATE ROLE host LOGIN PASSWORD 'database password of the host'");
    await postgres.sql("CREATE DATABASE host OWNER host");
    await host.run();
    await host.session().call("POST", "pm:enable", { query: { filterByTk: "multi-app-manager" } });
    await until(() => listApplications(host.session()).catch(() => undefined), PATIENCE);
    return host;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get storage(): string {
    return join(this.folder, "storage");
  }

  get pid(): number {
    return this.process!.pid!;
  }

  /** Signed in as the host's root user. */
  session(application?: string): Session {
    return new Session(this, application);
  }

  /** Live state by application. */
  async states(call: Call = {}): Promise<Record<string, string>> {
    const rows = await listApplications(this.session(), call);
    return Object.fromEntries(rows.map(({ name, status }) => [name, status]));
  }

  /** Starts the process again after {@link halt}, as a supervisor would. */
  async run(): Promise<void> {
    const log = await open(join(this.folder, "log"), "a");
    const modules = join(this.release, "node_modules");
    this.process = spawn(process.execPath, [LAUNCHER, "start", "--quickstart"], {
      cwd: this.folder,
      stdio: ["ignore", log.fd, log.fd],
      env: {
        PATH: process.env.PATH,
        NODE_PATH: modules,
        NODE_MODULES_PATH: modules,
        NODE_OPTIONS: "--preserve-symlinks",
        NODE_ENV: "production",
        APP_ENV: "production",
        TZ: "UTC",
        APP_HOST: "127.0.0.1",
        APP_PORT: String(this.port),
        APP_KEY: "key of the host under test",
        APP_SUPERVISOR_AES_SECRET_KEY: this.encryptionKey,
        DB_DIALECT: "postgres",
        DB_HOST: "127.0.0.1",
        DB_PORT: String(this.postgres.port),
        DB_DATABASE: "host",
        DB_USER: "host",
        DB_PASSWORD: "database password of the host",
        STORAGE_PATH: this.storage,
        INIT_APP_LANG: "en-US",
        INIT_ROOT_EMAIL: this.account,
        INIT_ROOT_PASSWORD: this.password,
        INIT_ROOT_NICKNAME: "Host",
        INIT_ROOT_USERNAME: "host",
        SKIP_SAME_VERSION_UPGRADE: "true",
        NOCOBASE_EXTRACT_CLIENT_ASSETS: "true",
      },
    });
    await log.close();
    const healthy = async () => {
      if (this.process?.exitCode !== null)
        throw new Error(`NocoBase ended: ${(await this.log()).slice(-2000)}`);
      const reply = await fetch(`${this.url}/api/__health_check`).catch(() => undefined);
      return reply?.ok ? true : undefined;
    };
    if (!(await until(healthy, PATIENCE)))
      throw new Error(`NocoBase didn't start: ${(await this.log()).slice(-2000)}`);
  }

  async log(): Promise<string> {
    return await readFile(join(this.folder, "log"), "utf8");
  }

  /** Ends the process and keeps its data. */
  async halt(): Promise<void> {
    const child = this.process;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    await this.halt();
    await rm(this.folder, { recursive: true, force: true });
  }
}
