/** What the scenarios ask of a fleet on any platform, from its state and its database server. */
import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { Client } from "pg";
import { plain } from "../../../cli/pending";
import { backendEnvironment } from "../../../toolchain/backend";
import { ensureToolchain } from "../../../toolchain/ensure";
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

/** Base of every platform's harness. */
export class StateHarness {
  constructor(readonly project: Project) {}

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

  protected async connectionOf(app: string): Promise<Connection> {
    const files = (await this.state()).find(({ urn }) => urn.endsWith(`::${app}-files`));
    if (!files) throw new Error(`the state has no ${app}-files`);
    return plain(files.inputs.database) as Connection;
  }

  protected async administrator(): Promise<Connection> {
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

  protected async state(): Promise<StateResource[]> {
    return (await this.exported()).deployment.resources;
  }

  /** Exports the state, lets it be changed, and imports it. */
  protected async editState(change: (resources: StateResource[]) => void): Promise<void> {
    const exported = await this.exported();
    change(exported.deployment.resources);
    await this.pulumi(["stack", "import"], JSON.stringify(exported));
  }

  private async exported(): Promise<{ deployment: { resources: StateResource[] } }> {
    return JSON.parse(await this.pulumi(["stack", "export", "--show-secrets"])) as {
      deployment: { resources: StateResource[] };
    };
  }

  private async pulumi(args: readonly string[], input = ""): Promise<string> {
    const toolchain = await ensureToolchain();
    const backend = backendEnvironment(this.project.folder, process.env);
    return execFileSync(toolchain.engine.path, [...args, "--stack", this.project.stack], {
      cwd: this.project.folder,
      encoding: "utf8",
      input,
      maxBuffer: 64 * 2 ** 20,
      env: { ...process.env, ...toolchain.env, ...backend },
    });
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
