/** A fleet's registry on a real server, with the roles that a stack makes, and members within the test's own process. */
import { randomUUID } from "node:crypto";
import { until } from "../../../providers/nocobase/client";
import { Agent, type AppHost } from "../../../plugins/supervisor/src/server/environment/agent";
import {
  RegistryControl,
  type DeclaredApp,
  type DeclaredEnvironment,
} from "../../../plugins/supervisor/src/server/registry/control";
import type { Action, AppState } from "../../../plugins/supervisor/src/server/registry/types";
import { TestPostgres } from "./postgres";

export const OWNER = "fleet_registry";
const PASSWORD = "password of a role";
const SOON = { everyMs: 20, limitMs: 120_000 };

/** Waits for a condition and gives what it found; fails, saying what was waited for, when it doesn't come. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const found = await until(async () => await look(), SOON);
  if (found === undefined) throw new Error(`not seen in time: ${what}`);
  return found;
}

/** Apps that are started and stopped by a variable; `work` runs within every command. */
export class ScriptedHost implements AppHost {
  readonly apps = new Map<string, AppState>();
  readonly done: string[] = [];
  url = "http://127.0.0.1:1";
  work: (app: string, action: Action) => Promise<void> = () => Promise.resolve();

  constructor(names: readonly string[]) {
    for (const app of names) this.apps.set(app, { app, status: "running", held: false, error: null });
  }

  info() {
    return { release: "2.2.15", url: this.url, memoryMiB: 400 };
  }

  states(): Promise<AppState[]> {
    return Promise.resolve([...this.apps.values()]);
  }

  async execute(app: string, action: Action): Promise<void> {
    await this.work(app, action);
    this.done.push(`${action} ${app}`);
    const stopped = action === "stop";
    this.apps.set(app, { app, status: stopped ? "stopped" : "running", held: stopped, error: null });
  }
}

export class TestRegistry {
  readonly warnings: string[] = [];
  private readonly agents: Agent[] = [];
  private constructor(
    readonly postgres: TestPostgres,
    readonly database: string,
    readonly control: RegistryControl,
  ) {}

  /** Makes the database and its owner; `members` get roles that may connect to it and nothing else. */
  static async make(
    postgres: TestPostgres,
    database: string,
    members: readonly string[],
  ): Promise<TestRegistry> {
    await postgres.sql(`DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${OWNER}') THEN
        CREATE ROLE ${OWNER} LOGIN PASSWORD '${PASSWORD}'; END IF; END $$`);
    await postgres.sql(`CREATE DATABASE ${database} OWNER ${OWNER}`);
    await postgres.sql(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
    for (const role of members) {
      await postgres.sql(`CREATE ROLE ${database}_${role} LOGIN PASSWORD '${PASSWORD}'`);
      await postgres.sql(`GRANT CONNECT ON DATABASE ${database} TO ${database}_${role}`);
    }
    const registry: TestRegistry = new TestRegistry(
      postgres,
      database,
      new RegistryControl(connection(postgres, database, OWNER), {
        changed: () => undefined,
        warn: (message) => void registry.warnings.push(message),
      }),
    );
    registry.control.start();
    await eventually("the registry is made", () => registry.control.connected || undefined);
    return registry;
  }

  role(member: string): string {
    return `${this.database}_${member}`;
  }

  connection(role: string) {
    return connection(this.postgres, this.database, role);
  }

  /** Runs a statement as a role. */
  async as(role: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return this.postgres.sql(text, values, this.connection(role));
  }

  /** Declares environments with the apps they host. */
  async declare(environments: Record<string, readonly string[]>): Promise<void> {
    const of = (name: string) => ({ title: name, release: "2.2.15", url: `http://${name}.localhost` });
    await this.control.declare(
      "test",
      Object.keys(environments).map((name): DeclaredEnvironment => ({
        name,
        role: this.role(name),
        ...of(name),
      })),
      Object.entries(environments).flatMap(([environment, apps]) =>
        apps.map((name): DeclaredApp => ({
          name,
          role: this.role(environment),
          isolation: "shared",
          environment,
          state: "running",
          addresses: [`http://${environment}.inside`],
          ...of(name),
        })),
      ),
    );
  }

  /** An agent that speaks for `host` as `member`. */
  agent(member: string, host: AppHost): Agent {
    const agent = new Agent(this.connection(this.role(member)), "1", host, (message) =>
      this.warnings.push(message),
    );
    this.agents.push(agent);
    agent.start();
    return agent;
  }

  async state(app: string): Promise<string | undefined> {
    return (await this.control.apps()).find(({ name }) => name === app)?.state;
  }

  /** Waits until a state is known. */
  async shows(app: string, state: string): Promise<void> {
    await eventually(`${app} is ${state}`, async () =>
      (await this.state(app)) === state ? true : undefined,
    );
  }

  /** Gives a command in Ann's name. @returns its request id */
  async send(app: string, action: Action, timeoutMs = 30_000): Promise<string> {
    const requestId = randomUUID();
    await this.control.dispatch({ requestId, app, action, by: "ann", timeoutMs });
    return requestId;
  }

  /** A command once it is finished. */
  outcome(requestId: string) {
    return eventually("the command is finished", async () => {
      const command = await this.control.command(requestId);
      return command?.finishedAt ? command : undefined;
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.stop()));
    await this.control.stop();
  }
}

/** Hooks of a suite: each of its tests gets a registry of its own with two environments, all on one server. */
export function eachWithRegistry(give: (registry: TestRegistry) => void): void {
  let postgres: TestPostgres;
  let registry: TestRegistry;
  let count = 0;

  before(async () => {
    postgres = await TestPostgres.start();
  });
  after(async () => {
    await postgres.stop();
  });
  beforeEach(async () => {
    registry = await TestRegistry.make(postgres, `registry${++count}`, ["blue", "green"]);
    await registry.declare({ blue: ["crm", "shop"], green: ["hr"] });
    give(registry);
  });
  afterEach(async () => {
    await registry.stop();
  });
}

function connection(postgres: TestPostgres, database: string, user: string) {
  return { host: "127.0.0.1", port: postgres.port, database, user, password: PASSWORD };
}
