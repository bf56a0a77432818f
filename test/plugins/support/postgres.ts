/** A real PostgreSQL server in a temporary folder, for tests. */
import { execFile, spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { appendFile, chown, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client, type ClientConfig } from "pg";
import { freePort } from "../../support/ports";
import type { Sandbox } from "../../support/sandbox";
import { findOnPath } from "./find-on-path";

const run = promisify(execFile);

const LOOPBACK = "127.0.0.1";

export const ADMIN = "admin";
export const ADMIN_PASSWORD = "admin-password-of-tests";

/** The machine's PostgreSQL binaries (Debian keeps them off PATH), or undefined where it has none. */
async function binaries(): Promise<string | undefined> {
  const onPath = findOnPath("initdb");
  if (onPath) return dirname(onPath);
  const root = "/usr/lib/postgresql";
  const versions = await readdir(root).catch((): string[] => []);
  const newest = versions
    .map(Number)
    .filter(Number.isInteger)
    .sort((a, b) => b - a)[0];
  return newest === undefined ? undefined : join(root, String(newest), "bin");
}

/** PostgreSQL refuses to run as root: then it runs as the OS user `postgres`. */
async function serverUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (userInfo().uid !== 0) return undefined;
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (flag) => Number((await run("id", [flag, "postgres"])).stdout)),
  );
  return { uid: uid!, gid: gid! };
}

/** One server with a superuser {@link ADMIN}; every statement it runs goes into its log. */
export class TestPostgres {
  private constructor(
    private readonly folder: string,
    readonly port: number,
    private process: ChildProcess,
    private readonly launch: () => ChildProcess,
  ) {}

  /** @param where a sandbox's network and its address there; default this machine's loopback */
  static async start(where?: { sandbox: Sandbox; address: string }): Promise<TestPostgres> {
    const bin = await binaries();
    if (!bin)
      throw new Error("no PostgreSQL binaries: install the package postgresql, or put initdb on PATH");
    const user = await serverUser();
    const folder = await mkdtemp(join(tmpdir(), "fleet-pg-"));
    const passwordFile = join(folder, "password");
    await writeFile(passwordFile, ADMIN_PASSWORD);
    if (user) {
      await chown(folder, user.uid, user.gid);
      await chown(passwordFile, user.uid, user.gid);
    }
    const data = join(folder, "data");
    const options = { cwd: folder, ...user };
    await run(
      join(bin, "initdb"),
      [
        "-D",
        data,
        "-U",
        ADMIN,
        "--pwfile",
        passwordFile,
        "-A",
        "scram-sha-256",
        "-E",
        "UTF8",
        "--locale=C",
        "-N",
      ],
      options,
    );
    if (where) await appendFile(join(data, "pg_hba.conf"), "host all all all scram-sha-256\n");
    const port = await freePort();
    const settings = ["fsync=off", "log_statement=all", "logging_collector=off"].flatMap((s) => ["-c", s]);
    const log = join(folder, "log");
    const command = `exec "$0" "$@" 2>>"${log}"`;
    const args = [
      "-D",
      data,
      "-p",
      String(port),
      "-h",
      where?.address ?? LOOPBACK,
      "-k",
      folder,
      ...settings,
    ];
    const shell = ["-c", command, join(bin, "postgres"), ...args];
    const quiet: SpawnOptions = { ...options, stdio: "ignore" };
    const launch = (): ChildProcess =>
      where?.sandbox.spawn("/bin/sh", shell, quiet) ?? spawn("/bin/sh", shell, quiet);
    await where?.sandbox.open(port, { host: where.address });
    const postgres = new TestPostgres(folder, port, launch(), launch);
    await postgres.ready();
    return postgres;
  }

  /** Ends the server and all its connections, its data stays; `SIGQUIT` is a crash. */
  async halt(signal: "SIGINT" | "SIGQUIT" = "SIGINT"): Promise<void> {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill(signal);
    await ended;
  }

  /** Starts it again after {@link halt}. */
  async run(): Promise<void> {
    this.process = this.launch();
    await this.ready();
  }

  /** Runs a statement on a connection of its own. */
  async sql(
    text: string,
    values: unknown[] = [],
    config: ClientConfig = {},
  ): Promise<Record<string, unknown>[]> {
    const client = new Client({
      host: LOOPBACK,
      port: this.port,
      user: ADMIN,
      password: ADMIN_PASSWORD,
      database: "postgres",
      ...config,
    });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return (await client.query<Record<string, unknown>>(text, values)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** What the server wrote: every statement among it. */
  async log(): Promise<string> {
    return await readFile(join(this.folder, "log"), "utf8");
  }

  async stop(): Promise<void> {
    await this.halt();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async ready(): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const up = await this.sql("SELECT 1").then(
        () => true,
        () => false,
      );
      if (up) return;
      if (this.process.exitCode !== null) break;
      await sleep(100);
    }
    throw new Error(`PostgreSQL did not start: ${await this.log().catch(() => "")}`);
  }
}
