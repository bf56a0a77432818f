/** Members of a cluster within the test's own process, on a real database. */
import { randomUUID } from "node:crypto";
import { until } from "../../../providers/nocobase/client";
import { PostgresCacheStore } from "../../../plugins/cluster/src/server/cache/store";
import type { Logger, QueueEvent } from "../../../plugins/cluster/src/server/contracts/core";
import { Locks } from "../../../plugins/cluster/src/server/locks/locks";
import { Member } from "../../../plugins/cluster/src/server/member/member";
import { MessageBus } from "../../../plugins/cluster/src/server/pubsub/bus";
import { PostgresQueueAdapter } from "../../../plugins/cluster/src/server/queue/adapter";
import { ADMIN, ADMIN_PASSWORD, type TestPostgres } from "./postgres";

export const LEASE_MS = 3000;
const SOON = { everyMs: 10, limitMs: 30_000 };

/** Waits for a condition; fails, saying what was waited for, when it doesn't come. */
export async function eventually(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const came = await until(async () => ((await look()) ? true : undefined), SOON);
  if (!came) throw new Error(`not seen in time: ${what}`);
}

export class TestMember {
  readonly member: Member;
  readonly bus: MessageBus;
  readonly locks: Locks;
  readonly cache: PostgresCacheStore;
  readonly queue: PostgresQueueAdapter;
  readonly fenced: string[] = [];
  readonly handedOver: unknown[] = [];
  readonly warnings: string[] = [];

  constructor(postgres: TestPostgres, database: string, name: string) {
    const note = (message: string): void => void this.warnings.push(message);
    const logger: Logger = { debug: () => undefined, info: () => undefined, warn: note, error: note };
    this.member = new Member(
      {
        connection: {
          host: "127.0.0.1",
          port: postgres.port,
          user: ADMIN,
          password: ADMIN_PASSWORD,
          database,
        },
        schema: "fleet_cluster",
        name,
        leaseMs: LEASE_MS,
      },
      { logger: () => logger, fenced: (reason) => void this.fenced.push(reason) },
      randomUUID(),
    );
    this.bus = new MessageBus(this.member, () => logger);
    this.locks = new Locks(this.member);
    this.cache = new PostgresCacheStore(this.member);
    this.queue = new PostgresQueueAdapter(
      this.member,
      () => logger,
      (_channel, content) => {
        this.handedOver.push(content);
        return Promise.resolve(content);
      },
    );
    this.member.onRecovery(() => {
      this.queue.wake();
      return Promise.resolve();
    });
  }

  async start(): Promise<this> {
    await this.member.start();
    this.bus.resume();
    return this;
  }

  /** Consumes a channel; the contents processed are in the list returned. */
  async consume(channel: string, event: Partial<QueueEvent> = {}): Promise<unknown[]> {
    const done: unknown[] = [];
    this.queue.subscribe(channel, {
      idle: () => true,
      process: (content) => {
        done.push(content);
        return Promise.resolve();
      },
      ...event,
    });
    await this.queue.connect();
    return done;
  }

  async stop(): Promise<void> {
    this.bus.stop();
    this.cache.stop();
    await this.queue.close();
    await this.member.stop();
  }
}
