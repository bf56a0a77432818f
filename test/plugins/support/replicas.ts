/** Replicas of one real app: NocoBase processes on one database and one storage folder, started by the launcher. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ensureRelease } from "../../../providers/local/release";
import {
  errorOf,
  NocoBaseError,
  send,
  type Reply,
  type Request,
} from "../../../providers/nocobase/client/http";
import { until } from "../../../providers/nocobase/client";
import { freePort } from "../../support/ports";
import type { TestPostgres } from "./postgres";

const LAUNCHER = resolve(__dirname, "../../../providers/local/launcher/serve.cjs");
export const START = { everyMs: 100, limitMs: 240_000 };
export const SOON = { everyMs: 50, limitMs: 60_000 };
/** Short, so that a handover takes seconds; long enough for a machine that others load. */
export const LEASE_MS = 10_000;

export const ROOT = { account: "root@example.com", password: "password-of-the-root" };
const DATABASE_PASSWORD = "database password of the app";

/** One process. */
export class Replica {
  private process: ChildProcess | undefined;

  constructor(
    private readonly app: ReplicatedApp,
    readonly name: string,
    readonly port: number,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.process!.pid!;
  }

  /** Exit code of the ended process, null while it runs or after a signal. */
  get exitCode(): number | null {
    return this.process?.exitCode ?? null;
  }

  get logFile(): string {
    return join(this.app.folder, `${this.name}.log`);
  }

  async log(): Promise<string> {
    return await readFile(this.logFile, "utf8");
  }

  /** Starts the process; {@link healthy} waits for it. */
  async run(): Promise<void> {
    const log = await open(this.logFile, "a");
    this.process = spawn(process.execPath, [LAUNCHER, "start", "--quickstart"], {
      cwd: this.app.folder,
      stdio: ["ignore", log.fd, log.fd],
      env: { ...this.app.environment(), APP_PORT: String(this.port), FLEET_REPLICA: this.name },
    });
    await log.close();
  }

  async health(): Promise<number> {
    const reply = await fetch(`${this.url}/api/__health_check`).catch(() => undefined);
    return reply?.status ?? 0;
  }

  async healthy(): Promise<void> {
    const ok = await until(async () => {
      if (this.process?.exitCode !== null) throw new Error(`${this.name} ended: ${await this.tail()}`);
      return (await this.health()) === 200 ? true : undefined;
    }, START);
    if (!ok) throw new Error(`${this.name} didn't start: ${await this.tail()}`);
  }

  /** One request as the root user, whatever its status. */
  async request(action: string, request: Request = {}, token = this.app.token): Promise<Reply> {
    return await send(this.url, `/api/${action}`, {
      ...request,
      headers: { Authorization: `Bearer ${token}`, "X-Authenticator": "basic", ...request.headers },
    });
  }

  /** The data of an action's reply. Throws what NocoBase says. */
  async get<T>(action: string, query: Record<string, string> = {}): Promise<T> {
    return await this.data<T>(action, { query });
  }

  async post<T>(action: string, body?: unknown, query: Record<string, string> = {}): Promise<T> {
    return await this.data<T>(action, { method: "POST", body, query });
  }

  async signIn(account = ROOT.account, password = ROOT.password): Promise<string> {
    const reply = await send(this.url, "/api/auth:signIn", {
      method: "POST",
      headers: { "X-Authenticator": "basic" },
      body: { account, password },
    });
    const error = errorOf(reply);
    if (error) throw error;
    return (reply.body as { data: { token: string } }).data.token;
  }

  kill(signal: NodeJS.Signals): void {
    this.process?.kill(signal);
  }

  /** Resolves when the process has ended, with the time that took in milliseconds. */
  async ended(): Promise<number> {
    const child = this.process;
    const start = Date.now();
    if (child && child.exitCode === null && child.signalCode === null)
      await new Promise((done) => child.once("exit", done));
    return Date.now() - start;
  }

  private async data<T>(action: string, request: Request): Promise<T> {
    const reply = await this.request(action, request);
    const error = errorOf(reply);
    if (error) throw error;
    return (reply.body as { data: T }).data;
  }

  private async tail(): Promise<string> {
    return (await this.log()).slice(-3000);
  }
}

/** One app with its database, storage and replicas. */
export class ReplicatedApp {
  readonly replicas: Replica[] = [];
  token = "";

  private constructor(
    readonly folder: string,
    private readonly release: string,
    private readonly postgres: TestPostgres,
    readonly database: string,
    private readonly more: Record<string, string>,
  ) {}

  /** Makes the empty database and the folders; nothing runs yet. */
  static async make(
    postgres: TestPostgres,
    database: string,
    more: Record<string, string> = {},
  ): Promise<ReplicatedApp> {
    const release = await ensureRelease("2.2.15");
    const folder = await mkdtemp(join(tmpdir(), "fleet-replicas-"));
    await mkdir(join(folder, "storage"));
    await postgres.sql(`CREATE ROLE ${database} LOGIN PASSWORD '${DATABASE_PASSWORD}'`);
    await postgres.sql(`CREATE DATABASE ${database} OWNER ${database}`);
    return new ReplicatedApp(folder, release, postgres, database, more);
  }

  /** Adds a replica that doesn't run yet. */
  async add(): Promise<Replica> {
    const replica = new Replica(this, `${this.database}-${this.replicas.length + 1}`, await freePort());
    this.replicas.push(replica);
    return replica;
  }

  /** Starts `count` replicas at once and waits until all serve. */
  async start(count: number): Promise<void> {
    for (let made = 0; made < count; made++) await (await this.add()).run();
    await Promise.all(this.replicas.map((replica) => replica.healthy()));
    // An app that switches a plugin on when it has started reloads once more.
    const token = await until(
      () =>
        this.replicas[0]!.signIn().catch((error: unknown) => {
          if (error instanceof NocoBaseError && error.status >= 500) return undefined;
          throw error;
        }),
      START,
    );
    if (token === undefined) throw new Error(`${this.database} takes no sign-in`);
    this.token = token;
  }

  environment(): Record<string, string> {
    const modules = join(this.release, "node_modules");
    return {
      PATH: process.env.PATH ?? "",
      NODE_PATH: modules,
      NODE_MODULES_PATH: modules,
      NODE_OPTIONS: "--preserve-symlinks",
      NODE_ENV: "production",
      APP_ENV: "production",
      TZ: "UTC",
      APP_HOST: "127.0.0.1",
      APP_KEY: "key of the app under test",
      APP_AES_SECRET_KEY: "0123456789abcdef".repeat(4),
      DB_DIALECT: "postgres",
      DB_HOST: "127.0.0.1",
      DB_PORT: String(this.postgres.port),
      DB_DATABASE: this.database,
      DB_USER: this.database,
      DB_PASSWORD: DATABASE_PASSWORD,
      STORAGE_PATH: join(this.folder, "storage"),
      INIT_APP_LANG: "en-US",
      INIT_ROOT_EMAIL: ROOT.account,
      INIT_ROOT_PASSWORD: ROOT.password,
      INIT_ROOT_NICKNAME: "Root",
      INIT_ROOT_USERNAME: "root",
      SKIP_SAME_VERSION_UPGRADE: "true",
      NOCOBASE_EXTRACT_CLIENT_ASSETS: "true",
      FLEET_CLUSTER: "1",
      FLEET_LEASE_MS: String(LEASE_MS),
      ...this.more,
    };
  }

  /** Runs a statement as the app's role on its database. */
  async sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return await this.postgres.sql(text, values, {
      database: this.database,
      user: this.database,
      password: DATABASE_PASSWORD,
    });
  }

  async stop(): Promise<void> {
    for (const replica of this.replicas) replica.kill("SIGKILL");
    await Promise.all(this.replicas.map((replica) => replica.ended()));
    await rm(this.folder, { recursive: true, force: true });
  }
}
