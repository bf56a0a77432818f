import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { escapeIdentifier, Pool, type Client, type QueryResult, type QueryResultRow } from "pg";
import { Session } from "../../../../shared/session";
import type { Logger } from "../../../../shared/contracts/core";
import { applicationName, leave, reap, register, renew } from "./lease";
import { migrate } from "./migrations";
import type { MemberSettings } from "./settings";

/** Exit code of a replica that another one has shut out: EX_TEMPFAIL, a supervisor starts it again. */
export const FENCED_EXIT_CODE = 75;
const HEARTBEATS_PER_LEASE = 5;
/** A lease is taken as run out a little before the database does. */
const LEASE_MARGIN = 0.9;
const POOL_SIZE = 3;
/** How long a replica goes on after a restore, in leases: NocoBase puts files back and reloads after the database. */
const RESTORE_LEASES = 2;
const RESTORING = `
  SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND application_name IN ('pg_restore', 'psql')`;
const TAKEN_OVER = "its lease ran out and another replica has taken over";
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export type NoticeKind = "message" | "lock" | "task" | "cache";
type NoticeHandler = (text: string) => void;

export interface MemberHooks {
  logger(): Pick<Logger, "info" | "warn" | "error">;
  /** The replica was shut out and must not go on: ends the process. */
  fenced(reason: string): void;
}

/**
 * This process as a replica of its app: its lease and worker id, one connection that listens and a small pool for
 * statements. It outlives the app's reloads.
 *
 * While the lease is proven, nobody else holds what this replica holds. When it can't be renewed the replica stops
 * serving; once another replica has removed it, its database connections are cut and it ends.
 */
export class Member {
  readonly id: string;
  readonly schema: string;
  private readonly pool: Pool;
  private readonly session: Session;
  private readonly noticeHandlers = new Map<NoticeKind, NoticeHandler>();
  private readonly recoveries: ((client: Client) => Promise<void>)[] = [];
  private started: Promise<void> | undefined;
  private registered = false;
  private stopping = false;
  private shutOut = false;
  private provenUntil = -Infinity;
  private answeredAt = performance.now();
  /** Since when this plugin's tables are not what this replica entered itself in. */
  private replacedAt: number | undefined;
  private leasedWorkerId: number | undefined;
  private heart: NodeJS.Timeout | undefined;
  private readonly waiting = new Set<() => void>();

  constructor(
    readonly settings: MemberSettings,
    private readonly hooks: MemberHooks,
    id: string = randomUUID(),
  ) {
    this.id = id;
    this.schema = escapeIdentifier(settings.schema);
    const connection = { ...settings.connection, application_name: applicationName(id) };
    this.pool = new Pool({
      ...connection,
      max: POOL_SIZE,
      idleTimeoutMillis: 10_000,
      connectionTimeoutMillis: 5000,
      allowExitOnIdle: true,
    });
    this.pool.on("error", () => undefined);
    this.session = new Session(connection, settings.schema, {
      connected: (client) => this.connected(client),
      lost: (reason) => this.lost(reason),
      notified: (payload) => this.notified(payload),
    });
  }

  /** Joins the cluster; later calls wait for the first. */
  async start(): Promise<void> {
    this.started ??= this.session.start().then(() => this.beat());
    await this.started;
  }

  get workerId(): number {
    if (this.leasedWorkerId === undefined) throw new Error("this replica has no worker id yet");
    return this.leasedWorkerId;
  }

  /** Whether this replica's lease is proven at this moment, by a clock that goes on while the process is paused. */
  get proven(): boolean {
    return performance.now() < this.provenUntil;
  }

  /** When the listening connection was last known to work, by `performance.now()`: nothing before it was missed. */
  get aliveAt(): number {
    return this.answeredAt;
  }

  /** Whether requests may be served: the lease is proven and changes of other replicas arrive. */
  get serving(): boolean {
    return this.proven && this.session.connected && !this.stopping && !this.shutOut;
  }

  /** @throws Error where this replica can't prove that it still belongs */
  assertProven(): void {
    if (this.registered && !this.proven)
      throw new Error(`replica ${this.settings.name} can't prove its lease: it must not go on until it can`);
  }

  /** Resolves once the replica serves again; rejects when it doesn't within `limitMs`. */
  async whenServing(limitMs: number): Promise<void> {
    const end = performance.now() + limitMs;
    while (!this.serving) {
      const left = end - performance.now();
      if (this.shutOut) throw new Error(`replica ${this.settings.name} was shut out`);
      if (left <= 0 || this.stopping) throw new Error("the database can't be reached");
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, LONGEST_TIMER_MS)).unref();
        this.waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Runs one statement on the pool. `{schema}` in its text stands for this plugin's schema. */
  async query<R extends QueryResultRow>(text: string, values: unknown[] = []): Promise<QueryResult<R>> {
    return this.pool.query<R>(text.replaceAll("{schema}", this.schema), values);
  }

  /** Says what to do with notifications of a kind; there is one handler for each. */
  onNotice(kind: NoticeKind, handler: NoticeHandler): void {
    this.noticeHandlers.set(kind, handler);
  }

  /** Runs on each new listening connection before the replica serves (again). */
  onRecovery(recover: (client: Client) => Promise<void>): void {
    this.recoveries.push(recover);
  }

  /** Leaves the cluster: gives back lease, worker id, locks and tasks, and closes all connections. */
  async stop(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    clearTimeout(this.heart);
    if (this.session.connected) {
      await this.session
        .use(2000, (client) => leave(client, this.schema, this.id))
        .catch((error: unknown) => this.hooks.logger().warn(`leaving the cluster failed: ${String(error)}`));
    }
    this.provenUntil = -Infinity;
    await this.session.stop();
    await Promise.race([this.pool.end(), sleep(1000, undefined, { ref: false })]);
  }

  /** Ends this replica, which found that something it held is another's. */
  fence(reason: string): void {
    if (this.stopping || this.shutOut) return;
    this.shutOut = true;
    this.provenUntil = -Infinity;
    this.wake();
    this.hooks.fenced(`replica ${this.settings.name} was shut out: ${reason}`);
  }

  private async connected(client: Client): Promise<void> {
    const sent = performance.now();
    if (this.registered) {
      if (!(await renew(client, this.schema, this.lease)).renewed && this.replacedAt === undefined) {
        this.fence(TAKEN_OVER);
        throw new Error("shut out");
      }
    } else {
      await migrate(client, this.settings.schema);
      this.leasedWorkerId = await register(client, this.schema, this.lease);
      this.registered = true;
    }
    for (const recover of this.recoveries) await recover(client);
    this.prove(sent);
    this.hooks.logger().info(`replica ${this.settings.name} is in the cluster, worker id ${this.workerId}`);
    // Those who wait look at `serving`, which needs the connection: it is set right after this.
    setImmediate(() => this.wake());
  }

  /** A connection that ended may have been ended by a replica that took over: the lease is proven anew. */
  private lost(reason: string): void {
    this.provenUntil = -Infinity;
    if (!this.stopping)
      this.hooks
        .logger()
        .warn(`replica ${this.settings.name} stops serving, its database is away: ${reason}`);
  }

  private notified(payload: string): void {
    const space = payload.indexOf(" ");
    const kind = payload.slice(0, space) as NoticeKind;
    this.noticeHandlers.get(kind)?.(payload.slice(space + 1));
  }

  private get lease() {
    return { id: this.id, name: this.settings.name, leaseMs: this.settings.leaseMs };
  }

  private prove(sent: number): void {
    this.answeredAt = sent;
    this.provenUntil = sent + this.settings.leaseMs * LEASE_MARGIN;
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }

  private async beat(): Promise<void> {
    const every = this.settings.leaseMs / HEARTBEATS_PER_LEASE;
    try {
      if (this.session.connected) await this.renewOnce();
    } catch (error) {
      this.hooks.logger().warn(`renewing the lease failed: ${String(error)}`);
    }
    if (!this.stopping && !this.shutOut) this.heart = setTimeout(() => void this.beat(), every).unref();
  }

  private async renewOnce(): Promise<void> {
    const sent = performance.now();
    const limit = this.settings.leaseMs / 3;
    const { renewed, dead } = await this.session
      .use(limit, (client) => renew(client, this.schema, this.lease))
      .catch((error: unknown) => {
        if (!isMissing(error)) throw error;
        this.replacedAt ??= sent;
        return { renewed: false, dead: 0 };
      });
    if (!renewed && this.replacedAt === undefined) {
      this.fence(TAKEN_OVER);
      return;
    }
    if (!renewed) await this.outlastRestore();
    this.prove(sent);
    this.wake();
    if (dead === 0) return;
    const removed = await reap(this.pool, this.schema);
    if (removed > 0) this.hooks.logger().warn(`took over from ${removed} replica(s) that are gone`);
  }

  /**
   * Somebody drops this plugin's tables: a backup is restored, maybe by this very process. Without them no replica can
   * take over from another. Once the restore is done, each starts anew on what is there then.
   */
  private async outlastRestore(): Promise<void> {
    const restoring = await this.session.use(this.settings.leaseMs / 3, (client) => client.query(RESTORING));
    const now = performance.now();
    if (restoring.rowCount !== 0) this.replacedAt = now;
    if (now - (this.replacedAt ?? now) > RESTORE_LEASES * this.settings.leaseMs)
      this.fence("its tables were dropped, as a restore of a backup does");
  }
}

/** PostgreSQL says that a table or schema isn't there. */
function isMissing(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "42P01" || code === "3F000";
}
