/** A real entry app and real runtime environments with shared apps, wired by a registry as a stack wires them. */
import { randomUUID } from "node:crypto";
import { send, type Reply } from "../../../providers/nocobase/client/http";
import { until } from "../../../providers/nocobase/client";
import type { TestPostgres } from "./postgres";
import { eventually, OWNER, TestRegistry } from "./registry";
import { ReplicatedApp, START, type Replica } from "./replicas";

const DATABASE = "fleet_registry_db";
const APP_PASSWORD = "password of an app's role";

/** A row of the entry app's collection `applications`. */
export interface AppRow {
  name: string;
  state: string;
  held: boolean;
  lastError: string | null;
  environmentName: string;
}

export class SupervisedFleet {
  private constructor(
    readonly postgres: TestPostgres,
    readonly entry: ReplicatedApp,
    readonly environments: Readonly<Record<string, ReplicatedApp>>,
    private readonly apps: Readonly<Record<string, readonly string[]>>,
    readonly dedicated: Readonly<Record<string, ReplicatedApp>>,
    private readonly replicas: Readonly<Record<string, number>>,
  ) {}

  /** Makes roles, databases and processes; `apps` by environment, `dedicated` replicas by app. */
  static async make(
    postgres: TestPostgres,
    apps: Readonly<Record<string, readonly string[]>>,
    replicas: Readonly<Record<string, number>> = {},
  ): Promise<SupervisedFleet> {
    const members = [...Object.keys(apps), ...Object.keys(replicas)];
    const registry = await TestRegistry.make(postgres, DATABASE, members);
    // The entry app's process makes the tables, as in a fleet.
    await registry.as(OWNER, "DROP SCHEMA fleet CASCADE");
    await registry.stop();
    const entry = await ReplicatedApp.make(postgres, "entry", {
      ...variables(registry, "entry", "entry", OWNER),
      FLEET_CLUSTER: "1",
    });
    const environments: Record<string, ReplicatedApp> = {};
    for (const name of Object.keys(apps))
      environments[name] = await ReplicatedApp.make(postgres, `env_${name}`, {
        ...variables(registry, "environment", name, registry.role(name)),
        FLEET_CLUSTER: "0",
      });
    const dedicated: Record<string, ReplicatedApp> = {};
    for (const name of Object.keys(replicas))
      dedicated[name] = await ReplicatedApp.make(postgres, `app_${name}`, {
        ...variables(registry, "app", name, registry.role(name)),
        FLEET_CLUSTER: "1",
      });
    return new SupervisedFleet(postgres, entry, environments, apps, dedicated, replicas);
  }

  get control(): Replica {
    return this.entry.replicas[0]!;
  }

  environment(name: string): Replica {
    return this.environments[name]!.replicas[0]!;
  }

  /** Starts all processes, registers the apps with their environments and declares all of it. */
  async start(): Promise<void> {
    await Promise.all([
      this.entry.start(1),
      ...Object.values(this.environments).map((environment) => environment.start(1)),
      ...Object.entries(this.dedicated).map(([name, app]) => app.start(this.replicas[name]!)),
    ]);
    for (const [name, apps] of Object.entries(this.apps)) {
      const host = this.environment(name);
      await host.post("pm:enable", undefined, { filterByTk: "multi-app-manager" });
      await eventually(`${name} hosts apps`, async () =>
        (await host.request("applications:list").catch(() => undefined))?.status === 200 ? true : undefined,
      );
      for (const app of apps) await this.register(host, app);
    }
    await eventually("the entry app has its collections", async () =>
      (await this.control.request("applications:list").catch(() => undefined))?.status === 200
        ? true
        : undefined,
    );
    await this.declare();
  }

  /** Declares every app, and what `more` has, in its environment. */
  async declare(more: Readonly<Record<string, string>> = {}): Promise<void> {
    const of = (name: string) => ({ title: name, release: "2.2.15", url: `http://${name}.localhost` });
    const declared = Object.entries(this.apps).flatMap(([environment, apps]) =>
      apps.map((name) => [name, environment] as const),
    );
    await this.control.post("fleetRegistry:declare", {
      stack: "test",
      environments: Object.keys(this.environments).map((name) => ({
        name,
        role: `${DATABASE}_${name}`,
        ...of(name),
      })),
      apps: [
        ...[...declared, ...Object.entries(more)].map(([name, environment]) => ({
          name,
          role: `${DATABASE}_${environment}`,
          isolation: "shared",
          environment,
          state: "running",
          addresses: [this.environment(environment).url],
          ...of(name),
        })),
        ...Object.entries(this.dedicated).map(([name, { replicas }]) => ({
          name,
          role: `${DATABASE}_${name}`,
          isolation: "dedicated",
          environment: null,
          state: "running",
          addresses: replicas.map(({ url }) => url),
          ...of(name),
        })),
      ],
    });
  }

  async app(name: string): Promise<AppRow | undefined> {
    const rows = await this.control.get<AppRow[]>("applications:list", { pageSize: "200" });
    return rows.find((row) => row.name === name);
  }

  /** Waits until the entry app shows a state. Gives the milliseconds that took. */
  async shows(app: string, state: string): Promise<number> {
    const began = Date.now();
    const look = async () =>
      (await this.app(app).catch(() => undefined))?.state === state ? true : undefined;
    if (!(await until(look, { everyMs: 50, limitMs: 180_000 })))
      throw new Error(
        `${app} isn't shown as ${state} but ${JSON.stringify(await this.app(app).catch(String))}`,
      );
    return Date.now() - began;
  }

  /** Gives a command as `token`'s user and returns its request id. */
  async command(action: string, app: string, token?: string): Promise<Reply> {
    return await this.control.request(
      `applications:${action}`,
      { method: "POST", query: { filterByTk: app }, body: { requestId: randomUUID() } },
      token,
    );
  }

  /** What came of a command, as the entry app's record has it. */
  async outcome(reply: Reply): Promise<Record<string, unknown>> {
    const [record] = await this.outcomes(reply);
    return record!;
  }

  /** What came of each command that was given at once. */
  async outcomes(reply: Reply): Promise<Record<string, unknown>[]> {
    const { data } = reply.body as { data: { requestId: string }[] };
    return await Promise.all(
      data.map(({ requestId }) =>
        eventually("the command's record is finished", async () => {
          const row = await this.control
            .get<Record<string, unknown>>("applicationCommands:get", { filterByTk: requestId })
            .catch(() => undefined);
          return row?.finishedAt ? row : undefined;
        }),
      ),
    );
  }

  /** One request to an app where it lives. */
  async visit(environment: string, app: string): Promise<Reply> {
    return await send(this.environment(environment).url, `/api/__app/${app}/app:getLang`, {});
  }

  async stop(): Promise<void> {
    await Promise.all(
      [this.entry, ...Object.values(this.environments), ...Object.values(this.dedicated)].map((app) =>
        app.stop(),
      ),
    );
  }

  private async register(host: Replica, app: string): Promise<void> {
    await this.postgres.sql(`CREATE ROLE app_${app} LOGIN PASSWORD '${APP_PASSWORD.replaceAll("'", "''")}'`);
    await this.postgres.sql(`CREATE DATABASE app_${app} OWNER app_${app}`);
    await host.post("applications:create", {
      name: app,
      displayName: app,
      options: {
        autoStart: true,
        dbConnType: "new_connection",
        database: {
          dialect: "postgres",
          host: "127.0.0.1",
          port: this.postgres.port,
          username: `app_${app}`,
          password: APP_PASSWORD,
          database: `app_${app}`,
          schema: "public",
        },
        authManager: { jwt: { secret: randomUUID() } },
      },
    });
    await host.post("applications:start", undefined, { filterByTk: app });
    const runs = await until(async () => {
      const rows = await host.get<{ name: string; status: string }[]>("applications:list");
      return rows.find(({ name }) => name === app)?.status === "running" ? true : undefined;
    }, START);
    if (!runs) throw new Error(`${app} didn't start: ${(await host.log()).slice(-3000)}`);
  }
}

function variables(registry: TestRegistry, role: string, name: string, user: string): Record<string, string> {
  const { host, port, database, password } = registry.connection(user);
  return {
    FLEET_SUPERVISOR_ROLE: role,
    FLEET_SUPERVISOR_NAME: name,
    FLEET_SUPERVISOR_DB_HOST: host,
    FLEET_SUPERVISOR_DB_PORT: String(port),
    FLEET_SUPERVISOR_DB_NAME: database,
    FLEET_SUPERVISOR_DB_USER: user,
    FLEET_SUPERVISOR_DB_PASSWORD: password,
  };
}
