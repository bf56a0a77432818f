import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { plain } from "../../../cli/pending";
import { fleetRoot } from "../../../providers/local/root";
import { observeUnits } from "../../../providers/local/supervisor/client";
import { allPids, commandOf } from "../../../providers/local/support/processes";
import { backendEnvironment } from "../../../toolchain/backend";
import { ensureToolchain } from "../../../toolchain/ensure";
import type { PlatformHarness } from "./fleet";
import type { Project } from "./project";

interface StateResource {
  type: string;
  urn: string;
  inputs: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

interface Connection {
  host: string;
  port: number;
  user: string;
  password: string;
}

/** The local platform as the scenarios see it. */
export class LocalHarness implements PlatformHarness {
  constructor(readonly project: Project) {}

  get root(): string {
    return fleetRoot(this.project.folder, this.project.stack);
  }

  async identities(): Promise<Record<string, string>> {
    const units = (await observeUnits(this.root)).filter((unit) => unit.pid !== undefined);
    return Object.fromEntries(
      units.map((unit) => [unit.definition.name, `${unit.pid ?? 0} since ${unit.state.startedAt ?? ""}`]),
    );
  }

  async kill(part: string): Promise<void> {
    const unit = (await observeUnits(this.root)).find(({ definition }) => definition.name === part);
    if (unit?.pid === undefined) throw new Error(`${part} doesn't run`);
    process.kill(unit.pid, "SIGKILL");
  }

  async powerCut(): Promise<void> {
    const pids = this.processes();
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone with its parent.
      }
    }
    while (this.processes().length > 0) await sleep(100);
  }

  async query(app: string, database: string, sql: string): Promise<Record<string, unknown>[]> {
    return this.run({ ...(await this.connectionOf(app)), database }, sql);
  }

  async databases(): Promise<string[]> {
    const rows = await this.run(
      { ...(await this.administrator()), database: "postgres" },
      "select datname from pg_database where datname not in ('postgres', 'template0', 'template1') order by 1",
    );
    return rows.map((row) => String(row.datname));
  }

  exposedTexts(): Promise<Record<string, string>> {
    const texts: Record<string, string> = {};
    const read = (folder: string, wanted: (file: string, stat: fs.Stats) => boolean) => {
      for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const file = path.join(entry.parentPath, entry.name);
        const stat = fs.statSync(file, { throwIfNoEntry: false });
        // Database files hold the apps' own data, hashed passwords included.
        if (!stat || /\/data\//.test(file) || !wanted(file, stat)) continue;
        texts[file] = fs.readFileSync(file, "latin1");
      }
    };
    read(path.join(this.project.folder, ".pulumi-state"), (file) => !file.endsWith("passphrase"));
    read(this.root, (file, stat) => /\.log(\.\d+)?$|\/units\//.test(file) || (stat.mode & 0o077) !== 0);
    for (const pid of this.processes()) texts[`arguments of ${pid}`] = commandOf(pid) ?? "";
    return Promise.resolve(texts);
  }

  async restore(backupFolder: string): Promise<number> {
    const admin = await this.administrator();
    const database = "restore_check";
    await this.run({ ...admin, database: "postgres" }, `create database ${database}`);
    try {
      const env = { ...process.env, PGPASSWORD: admin.password };
      const target = ["-h", admin.host, "-p", String(admin.port), "-U", admin.user, "-d", database];
      execFileSync("pg_restore", [...target, "--no-owner", path.join(backupFolder, "database.dump")], {
        env,
      });
      const [row] = await this.run(
        { ...admin, database },
        "select count(*)::int as tables from information_schema.tables where table_schema = 'public'",
      );
      return Number(row?.tables);
    } finally {
      await this.run({ ...admin, database: "postgres" }, `drop database ${database}`);
    }
  }

  leftovers(): Promise<string[]> {
    const processes = this.processes().map((pid) => `process ${pid}: ${commandOf(pid) ?? ""}`);
    // Logs, backups and stray user files stay on purpose.
    const staying = ["backups", "kept", "logs", "supervisor"];
    const folders = fs.existsSync(this.root) ? fs.readdirSync(this.root) : [];
    const filled = folders.filter((name) => fs.readdirSync(path.join(this.root, name)).length > 0);
    return Promise.resolve([...processes, ...filled.filter((name) => !staying.includes(name))]);
  }

  /** Ends what a failed run left behind. */
  async cleanUp(): Promise<void> {
    await this.powerCut();
    const root = this.root;
    this.project.remove();
    if (!root.startsWith(this.project.folder))
      fs.rmSync(path.dirname(root), { recursive: true, force: true });
  }

  /** Every process that names this fleet's folder in its arguments, working folder or environment. */
  private processes(): number[] {
    const root = this.root;
    return allPids().filter((pid) => {
      if (pid === process.pid) return false;
      const proc = `/proc/${pid}`;
      const cwd = quietly(() => fs.readlinkSync(`${proc}/cwd`)) ?? "";
      const environ = quietly(() => fs.readFileSync(`${proc}/environ`, "latin1")) ?? "";
      return cwd.startsWith(root) || (commandOf(pid) ?? "").includes(root) || environ.includes(root);
    });
  }

  private async connectionOf(app: string): Promise<Connection> {
    const files = (await this.state()).find(({ urn }) => urn.endsWith(`::${app}-files`));
    if (!files) throw new Error(`the state has no ${app}-files`);
    return plain(files.inputs.database) as Connection;
  }

  private async administrator(): Promise<Connection> {
    const provider = (await this.state()).find(({ type }) => type === "pulumi:providers:postgresql");
    if (!provider) throw new Error("the state has no postgresql provider");
    const { host, port, username, password } = plain(provider.inputs) as Record<string, string>;
    return { host: host!, port: Number(port), user: username!, password: password! };
  }

  /** Secrets that are structures, such as a database connection, count by the texts in them that look random. */
  async secrets(): Promise<string[]> {
    const texts = new Set<string>();
    const collect = (value: unknown): void => {
      if (typeof value === "string" && /^[\w-]{20,}$/.test(value)) texts.add(value);
      else if (typeof value === "object" && value !== null) Object.values(value).forEach(collect);
    };
    const visit = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      if ("plaintext" in value) collect(plain(value));
      else Object.values(value).forEach(visit);
    };
    visit(await this.state());
    return [...texts];
  }

  private async state(): Promise<StateResource[]> {
    const toolchain = await ensureToolchain();
    const backend = backendEnvironment(this.project.folder, process.env);
    const exported = execFileSync(
      toolchain.engine.path,
      ["stack", "export", "--show-secrets", "--stack", this.project.stack],
      {
        cwd: this.project.folder,
        encoding: "utf8",
        maxBuffer: 64 * 2 ** 20,
        env: { ...process.env, ...toolchain.env, ...backend },
      },
    );
    return (JSON.parse(exported) as { deployment: { resources: StateResource[] } }).deployment.resources;
  }

  private async run(
    connection: Connection & { database: string },
    sql: string,
  ): Promise<Record<string, unknown>[]> {
    const client = new Client(connection);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }
}

function quietly<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** A port for the gateway that is free now, below the ephemeral range. */
export function gatewayPort(): number {
  return 13_100 + (process.pid % 800) + os.cpus().length;
}
