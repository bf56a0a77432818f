import { setTimeout as sleep } from "node:timers/promises";
import type { Logger, QueueEvent, QueueMessageOptions } from "../../../../shared/contracts/core";
import type { Member } from "../member/member";

/** The core's own defaults, in server/src/event-queue.ts. */
const IDLE_POLL_MS = 250;
const CONCURRENCY = 1;
const ACK_TIMEOUT_MS = 15_000;
const RETRY_DELAY_MS = 500;
/** How long a task that nobody announced to this replica may wait. */
const POLL_MS = 5000;
/** Most tasks of an unlimited channel in work at once. */
const UNLIMITED = 100;
/** A task whose replicas died this often is taken to kill them. */
const MOST_HANDOVERS = 5;

const CLAIM = `
  WITH next AS (
    SELECT id FROM {schema}.tasks WHERE channel = $1 AND owner IS NULL AND available_at <= clock_timestamp()
    ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
  UPDATE {schema}.tasks AS task SET owner = $3 FROM next WHERE task.id = next.id
  RETURNING task.id, task.content, task.options, task.retried, task.handovers`;
const DONE = `DELETE FROM {schema}.tasks WHERE id = $1 AND owner = $2`;
const AGAIN = `
  UPDATE {schema}.tasks SET owner = NULL, retried = retried + 1,
    available_at = clock_timestamp() + interval '${RETRY_DELAY_MS} milliseconds'
  WHERE id = $1 AND owner = $2`;

interface Task {
  id: string;
  content: unknown;
  options: QueueMessageOptions;
  retried: number;
  handovers: number;
}

/** Prepares a task whose replica died for being processed anew; gives its content. */
export type Handover = (channel: string, content: unknown) => Promise<unknown>;

/** One channel of the queue as this replica consumes it: never more tasks at once than its concurrency, none unless idle. */
export class Channel {
  private readonly working = new Set<Promise<void>>();
  private opened = false;
  private wanted = false;
  private claiming = false;
  private poll: NodeJS.Timeout | undefined;
  private later: NodeJS.Timeout | undefined;

  constructor(
    private readonly name: string,
    private readonly event: QueueEvent,
    private readonly member: Member,
    private readonly logger: () => Logger,
    private readonly handover: Handover,
  ) {}

  open(): void {
    if (this.opened) return;
    this.opened = true;
    this.poll = setInterval(() => this.wake(), POLL_MS).unref();
    this.wake();
  }

  /** Claims no more, and waits up to `limitMs` for the tasks in work. */
  async close(limitMs: number): Promise<void> {
    this.opened = false;
    clearInterval(this.poll);
    clearTimeout(this.later);
    const done = Promise.all(this.working);
    if (limitMs > 0 && this.working.size > 0)
      await Promise.race([done, sleep(limitMs, undefined, { ref: false })]);
  }

  /** There may be tasks. */
  wake(): void {
    this.wanted = true;
    void this.claim();
  }

  private get room(): number {
    const most = this.event.concurrency ?? CONCURRENCY;
    return (most <= 0 ? UNLIMITED : most) - this.working.size;
  }

  private async claim(): Promise<void> {
    if (this.claiming) return;
    this.claiming = true;
    try {
      while (this.opened && this.wanted && this.member.serving && this.room > 0) {
        if (!this.event.idle()) {
          this.tryLater(this.event.interval ?? IDLE_POLL_MS);
          return;
        }
        this.wanted = false;
        const tasks = await this.claimTasks(this.room);
        // Where there was as much as could be taken there may be more.
        if (tasks.length > 0) this.wanted = true;
        for (const task of tasks) this.begin(task);
        if (tasks.length > 0) await Promise.resolve();
      }
    } catch (error) {
      this.logger().warn(`tasks of ${this.name} can't be claimed: ${String(error)}`);
    } finally {
      this.claiming = false;
    }
  }

  private async claimTasks(count: number): Promise<Task[]> {
    const { rows } = await this.member.query<Task>(CLAIM, [this.name, count, this.member.id]);
    return rows.sort((a, b) => Number(a.id) - Number(b.id));
  }

  private begin(task: Task): void {
    const work = this.work(task).finally(() => {
      this.working.delete(work);
      if (this.wanted) void this.claim();
    });
    this.working.add(work);
  }

  private async work(task: Task): Promise<void> {
    const { timeout = ACK_TIMEOUT_MS, maxRetries = 0 } = task.options;
    const { id, retried } = task;
    try {
      if (task.handovers > MOST_HANDOVERS) {
        this.logger().error(
          `task ${id} of ${this.name} is dropped: ${task.handovers} replicas ended with it`,
        );
      } else {
        const content = task.handovers > 0 ? await this.handover(this.name, task.content) : task.content;
        const signal = AbortSignal.timeout(timeout);
        await this.event.process(content, { id, retried, signal, queueOptions: task.options });
      }
      await this.settle(DONE, id);
    } catch (error) {
      if (retried < maxRetries) {
        this.logger().warn(
          `task ${id} of ${this.name} failed, again (${retried + 1} of ${maxRetries})`,
          error,
        );
        await this.settle(AGAIN, id);
        this.tryLater(RETRY_DELAY_MS + 50);
      } else {
        this.logger().error(`task ${id} of ${this.name} failed: ${String(error)}`, error);
        await this.settle(DONE, id);
      }
    }
  }

  /** Writes a task's end; while the database is away it waits, for else the task would be done again. */
  private async settle(statement: string, id: string): Promise<void> {
    for (;;) {
      try {
        await this.member.query(statement, [id, this.member.id]);
        return;
      } catch (error) {
        if (this.member.serving) {
          this.logger().error(`the end of task ${id} can't be written: ${String(error)}`);
          return;
        }
        await this.member.whenServing(Infinity).catch(() => undefined);
        if (!this.member.proven) return;
      }
    }
  }

  private tryLater(ms: number): void {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.wake(), ms).unref();
  }
}
