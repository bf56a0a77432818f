/** Members of a cluster within the test's own process, on a real database. */
import { randomUUID } from "node:crypto";
import { Pool, types } from "pg";
import { until } from "../../../providers/nocobase/client";
import { PostgresCacheStore } from "../../../plugins/cluster/src/server/cache/store";
import type { Logger, QueueEvent } from "../../../plugins/shared/contracts/core";
import { Locks } from "../../../plugins/cluster/src/server/locks/locks";
import { applicationName, reap } from "../../../plugins/cluster/src/server/member/lease";
import { Member } from "../../../plugins/cluster/src/server/member/member";
import { MessageBus } from "../../../plugins/cluster/src/server/pubsub/bus";
import { PostgresQueueAdapter } from "../../../plugins/cluster/src/server/queue/adapter";
import { ADMIN, ADMIN_PASSWORD, TestPostgres } from "./postgres";

export const LEASE_MS = 3000;
const SOON = { everyMs: 10, limitMs: 30_000 };

// As NocoBase does for its whole process (database 2.2.15, database.ts).
types.setTypeParser(types.builtins.INT8, (text) =>
  Number.isSafeInteger(Number(text)) ? Number(text) : text,
);

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

/** A server for the surrounding suite, with an empty database for each of its tests. */
export function testCluster() {
  let server: TestPostgres;
  let database = "";
  let count = 0;
  let members: TestMember[] = [];

  before(async () => {
    server = await TestPostgres.start();
  });
  after(async () => {
    await server.stop();
  });
  beforeEach(async () => {
    database = `app${++count}`;
    members = [];
    await server.sql(`CREATE DATABASE ${database}`);
  });
  afterEach(async () => {
    await Promise.all(members.map((member) => member.stop()));
  });

  const sql = (text: string, values: unknown[] = []) => server.sql(text, values, { database });
  const add = (name: string): TestMember => {
    const member = new TestMember(server, database, name);
    members.push(member);
    return member;
  };
  return {
    postgres: () => server,
    sql,
    add,
    /** Has `count` more members join at once. */
    join: async (count: number): Promise<TestMember[]> => {
      const made = Array.from({ length: count }, () => add(`app-${members.length + 1}`));
      await Promise.all(made.map((member) => member.start()));
      return made;
    },
    /** Ends a member's connections, as a network fault does. */
    cut: async (member: TestMember): Promise<void> => {
      await sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", [
        applicationName(member.member.id),
      ]);
    },
    /** Has a member shut out, as one is that was paused for longer than its lease. */
    expire: async ({ member }: TestMember): Promise<void> => {
      const pool = new Pool({
        host: "127.0.0.1",
        port: server.port,
        user: ADMIN,
        password: ADMIN_PASSWORD,
        database,
      });
      await eventually("it is removed", async () => {
        // Its own heartbeat may come in between and renew the lease.
        await sql("UPDATE fleet_cluster.replicas SET expires_at = '-infinity' WHERE id = $1", [member.id]);
        return (await reap(pool, "fleet_cluster")) === 1;
      });
      await pool.end();
    },
  };
}
