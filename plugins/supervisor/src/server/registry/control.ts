import { Pool, type Client, type ClientConfig } from "pg";
import { setTimeout as sleep } from "node:timers/promises";
import { Session } from "../../../../shared/session";
import { Warnings } from "../../../../shared/warnings";
import { CONTROL_CHANNEL, migrateRegistry, REGISTRY_SCHEMA as FLEET, SILENT_MS } from "./schema";
import type { Action, AppStatus } from "./types";

const POOL_SIZE = 3;
/** PostgreSQL's code (its documentation, appendix A). */
const UNIQUE_VIOLATION = "23505";
/** Key of the advisory lock that one of the entry app's processes holds while it follows the registry. */
const FOLLOWER = "fleet follower";

/** What a stack file says of an environment. */
export interface DeclaredEnvironment {
  name: string;
  /** Its role in the registry: only what this role tells is taken for this environment's. */
  role: string;
  title: string;
  release: string;
  /** Address that people open. */
  url: string;
}

/** What a stack file says of an app. */
export interface DeclaredApp {
  name: string;
  /** Role of the environment that hosts it, or of its own processes. */
  role: string;
  title: string;
  isolation: string;
  environment: string | null;
  release: string;
  url: string;
  /** `running`, `stopped` or `operator`. */
  state: string;
  /** Where its processes may be reached: requests are passed on to no other address. */
  addresses?: readonly string[];
}

export interface Environment extends Omit<DeclaredEnvironment, "role"> {
  state: "available" | "unavailable";
  instanceUrl: string | null;
  memoryMiB: number | null;
  startedAt: Date | null;
  /** While it is unavailable: when it was last heard of. */
  lastSeenAt: Date | null;
}

export interface App extends Omit<DeclaredApp, "role" | "state" | "addresses"> {
  declaredState: string;
  /** `pending`: declared, and its process hasn't told of it yet. */
  state: AppStatus | "unavailable" | "pending";
  held: boolean;
  replicas: number;
  instanceUrl: string | null;
  lastError: string | null;
  /** Addresses of the processes that serve it; of those that are there, where none does. */
  targets: string[];
}

export interface Command {
  requestId: string;
  app: string;
  action: Action;
  requestedBy: string;
  requestedAt: Date;
  begunAt: Date | null;
  finishedAt: Date | null;
  /** `waiting` and `begun` until it is finished. */
  outcome: "waiting" | "begun" | "done" | "failed" | "timed out";
  error: string | null;
  /** Raised with each change. */
  change: string;
}

/** What people see of a command. */
export function withoutChange(command: Command): Omit<Command, "change"> {
  const { requestId, app, action, requestedBy, requestedAt, begunAt, finishedAt, outcome, error } = command;
  return { requestId, app, action, requestedBy, requestedAt, begunAt, finishedAt, outcome, error };
}

export interface CommandRequest {
  /** The same id again changes nothing: a caller that got no answer may ask again. */
  requestId: string;
  app: string;
  action: Action;
  by: string;
  /** After this it isn't begun any more, and shown as timed out. */
  timeoutMs: number;
}

export interface ControlHooks {
  /** Something may have changed. */
  changed(): void;
  warn(message: string): void;
}

const AVAILABLE = `left_at IS NULL AND seen_at > clock_timestamp() - interval '${SILENT_MS} milliseconds'`;
const DECLARED = "member.info ->> 'url' = ANY (declared.addresses)";
const COMMAND = `request_id AS "requestId", app, action, requested_by AS "requestedBy",
  requested_at AS "requestedAt", begun_at AS "begunAt", finished_at AS "finishedAt",
  coalesce(outcome, CASE WHEN begun_at IS NULL THEN 'waiting' ELSE 'begun' END) AS outcome,
  error, change::text`;

/** A stack declared a name that is another stack's. */
export class NameTaken extends Error {
  constructor(name: string, stack: string) {
    super(`"${name}" is declared by stack ${stack} already: give one of them another name`);
  }
}

/** The entry app's side of the registry, as the role that owns it. */
export class RegistryControl {
  private readonly pool: Pool;
  private readonly connection: Session;
  private readonly warnings: Warnings;
  private open = true;
  private following = false;

  constructor(
    private readonly config: ClientConfig,
    private readonly hooks: ControlHooks,
  ) {
    this.pool = new Pool({
      ...config,
      max: POOL_SIZE,
      idleTimeoutMillis: 10_000,
      connectionTimeoutMillis: 5000,
      allowExitOnIdle: true,
    });
    this.pool.on("error", () => undefined);
    this.warnings = new Warnings((message) => hooks.warn(message));
    this.connection = this.connect();
  }

  get connected(): boolean {
    return this.connection.connected;
  }

  /** Makes the tables and listens; goes on trying in the background while the server is away. */
  start(): void {
    this.connection.startPatiently();
  }

  async stop(): Promise<void> {
    this.open = false;
    await this.connection.stop();
    await Promise.race([this.pool.end(), sleep(1000, undefined, { ref: false })]);
  }

  /** Whether this process is the one that follows the registry for all of the entry app's; lasts as its connection does. */
  async follows(): Promise<boolean> {
    if (this.following || !this.connected) return this.following;
    this.following = await this.connection.use(5000, async (client) => {
      const { rows } = await client.query<{ mine: boolean }>(
        "SELECT pg_try_advisory_lock(hashtext($1)) AS mine",
        [FOLLOWER],
      );
      return rows[0]?.mine === true;
    });
    return this.following;
  }

  /** Replaces what a stack has declared. @throws NameTaken where a name is another stack's */
  async declare(
    stack: string,
    environments: readonly DeclaredEnvironment[],
    apps: readonly DeclaredApp[],
  ): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query("BEGIN");
      for (const [table, rows] of [
        ["declared_environments", environments],
        ["declared_apps", apps],
      ] as const) {
        await client.query(`DELETE FROM ${FLEET}.${table} WHERE stack = $1`, [stack]);
        await client.query(
          `INSERT INTO ${FLEET}.${table} SELECT * FROM jsonb_populate_recordset(NULL::${FLEET}.${table}, $1)`,
          [JSON.stringify(rows.map((row) => ({ ...row, stack })))],
        );
      }
      await client.query("SELECT pg_notify($1, '')", [CONTROL_CHANNEL]);
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw (await this.nameTaken(error, stack, [...environments, ...apps])) ?? error;
    } finally {
      client.release();
    }
  }

  private async nameTaken(
    error: unknown,
    stack: string,
    rows: readonly { name: string }[],
  ): Promise<NameTaken | undefined> {
    if ((error as { code?: unknown }).code !== UNIQUE_VIOLATION) return undefined;
    const { rows: taken } = await this.pool.query<{ name: string; stack: string }>(
      `SELECT name, stack FROM ${FLEET}.declared_environments WHERE stack <> $1 AND name = ANY ($2)
       UNION SELECT name, stack FROM ${FLEET}.declared_apps WHERE stack <> $1 AND name = ANY ($2) ORDER BY name`,
      [stack, rows.map(({ name }) => name)],
    );
    const [first] = taken;
    return first && new NameTaken(first.name, first.stack);
  }

  async environments(): Promise<Environment[]> {
    const { rows } = await this.pool.query<Environment>(
      `SELECT name, title, coalesce(info ->> 'release', release) AS release, url,
         CASE WHEN ${AVAILABLE} THEN 'available' ELSE 'unavailable' END AS state,
         info ->> 'url' AS "instanceUrl", (info ->> 'memoryMiB')::int AS "memoryMiB",
         entered_at AS "startedAt", CASE WHEN ${AVAILABLE} THEN NULL ELSE seen_at END AS "lastSeenAt"
       FROM ${FLEET}.declared_environments
       LEFT JOIN LATERAL (
         SELECT * FROM ${FLEET}.members WHERE members.role = declared_environments.role
         ORDER BY (${AVAILABLE}) DESC, seen_at DESC LIMIT 1) AS member ON true
       ORDER BY name`,
    );
    return rows;
  }

  async apps(): Promise<App[]> {
    const { rows } = await this.pool.query<App>(
      `SELECT declared.name, declared.title, declared.isolation, declared.environment, declared.release,
         declared.url, declared.state AS "declaredState",
         CASE WHEN count(member.role) = 0 THEN
             -- It has no process then.
             CASE WHEN declared.isolation = 'dedicated' AND declared.state = 'stopped' THEN 'stopped' ELSE 'unavailable' END
           ELSE coalesce(min(state.status) FILTER (WHERE state.status = 'running'),
             min(state.status) FILTER (WHERE state.status = 'starting'),
             min(state.status) FILTER (WHERE state.status = 'failed'), min(state.status), 'pending') END AS state,
         coalesce(bool_or(state.held), false) AS held,
         count(state.app) FILTER (WHERE state.status = 'running')::int AS replicas,
         min(member.info ->> 'url') AS "instanceUrl",
         min(state.error) AS "lastError",
         coalesce(array_agg(DISTINCT member.info ->> 'url') FILTER (WHERE ${DECLARED} AND state.status = 'running'),
           array_agg(DISTINCT member.info ->> 'url') FILTER (WHERE ${DECLARED}), '{}') AS targets
       FROM ${FLEET}.declared_apps AS declared
       LEFT JOIN ${FLEET}.members AS member ON member.role = declared.role AND ${AVAILABLE}
       LEFT JOIN ${FLEET}.states AS state
         ON state.role = member.role AND state.replica = member.replica AND state.app = declared.name
       GROUP BY declared.name ORDER BY declared.name`,
    );
    return rows;
  }

  /**
   * Writes a command down for the environment of an app, which need not be there at the moment.
   * @throws Error where no app of this name is declared
   */
  async dispatch({ requestId, app, action, by, timeoutMs }: CommandRequest): Promise<Command> {
    await this.pool.query(
      `WITH written AS (
         INSERT INTO ${FLEET}.commands (request_id, role, app, action, requested_by, expires_at)
         SELECT $1, role, name, $3, $4, clock_timestamp() + $5 * interval '1 millisecond'
         FROM ${FLEET}.declared_apps WHERE name = $2
         ON CONFLICT (request_id) DO NOTHING RETURNING role)
       SELECT pg_notify(role, ''), pg_notify($6, '') FROM written`,
      [requestId, app, action, by, timeoutMs, CONTROL_CHANNEL],
    );
    const command = await this.command(requestId);
    if (!command) throw new Error(`no app "${app}" is declared in this fleet`);
    return command;
  }

  async command(requestId: string): Promise<Command | undefined> {
    const { rows } = await this.pool.query<Command>(
      `SELECT ${COMMAND} FROM ${FLEET}.commands WHERE request_id = $1`,
      [requestId],
    );
    return rows[0];
  }

  /** Commands that changed after `change`, in the order of their changes. */
  async changedCommands(change: string, limit: number): Promise<Command[]> {
    const { rows } = await this.pool.query<Command>(
      `SELECT ${COMMAND} FROM ${FLEET}.commands WHERE change > $1 ORDER BY commands.change LIMIT $2`,
      [change, limit],
    );
    return rows;
  }

  /** Ends the commands whose time is over, with what kept them. */
  async expire(): Promise<void> {
    await this.pool.query(
      `UPDATE ${FLEET}.commands AS command SET finished_at = clock_timestamp(), outcome = 'timed out',
         change = nextval('${FLEET}.changes'),
         error = CASE WHEN begun_at IS NOT NULL THEN 'it was begun, and not finished in time'
           WHEN EXISTS (SELECT FROM ${FLEET}.members WHERE members.role = command.role AND ${AVAILABLE})
             THEN 'earlier commands took all of its time'
           ELSE 'its environment was unavailable' END
       WHERE finished_at IS NULL AND expires_at <= clock_timestamp()`,
    );
  }

  /** Forgets finished commands and members that are gone for `days`. */
  async forget(days: number): Promise<void> {
    await this.pool.query(
      `WITH old AS (DELETE FROM ${FLEET}.commands WHERE finished_at < now() - $1 * interval '1 day')
       DELETE FROM ${FLEET}.members WHERE seen_at < now() - $1 * interval '1 day'`,
      [days],
    );
  }

  private connect(): Session {
    return new Session(this.config, CONTROL_CHANNEL, {
      connected: async (client: Client) => {
        await migrateRegistry(client);
        this.warnings.clear();
        setImmediate(() => this.hooks.changed());
      },
      lost: (reason) => {
        this.following = false;
        if (this.open) this.warnings.warn(`the registry is away: ${reason}`);
      },
      failed: (error) => this.warnings.warn(`the registry can't be opened: ${error.message}; trying on`),
      notified: () => this.hooks.changed(),
    });
  }
}
