/** The cluster plugin's parts on a real PostgreSQL server, several members within this process. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "pg";
import { applicationName, reap } from "../../plugins/cluster/src/server/member/lease";
import { eventually, LEASE_MS, TestMember } from "./support/members";
import { ADMIN, ADMIN_PASSWORD, TestPostgres } from "./support/postgres";

describe("cluster plugin on PostgreSQL", function () {
  this.timeout(60_000);
  let postgres: TestPostgres;
  let database = "";
  let count = 0;
  let members: TestMember[] = [];

  before(async () => {
    postgres = await TestPostgres.start();
  });
  after(async () => {
    await postgres.stop();
  });
  beforeEach(async () => {
    database = `app${++count}`;
    members = [];
    await postgres.sql(`CREATE DATABASE ${database}`);
  });
  afterEach(async () => {
    await Promise.all(members.map((member) => member.stop()));
  });

  const sql = (text: string, values: unknown[] = []) => postgres.sql(text, values, { database });
  const join = async (count: number): Promise<TestMember[]> => {
    const made = Array.from(
      { length: count },
      (_, index) => new TestMember(postgres, database, `app-${members.length + index + 1}`),
    );
    members.push(...made);
    await Promise.all(made.map((member) => member.start()));
    return made;
  };
  const cut = async (member: TestMember): Promise<void> => {
    await sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", [
      applicationName(member.member.id),
    ]);
  };
  /** What a member looks like to the others that is paused for longer than its lease. */
  const expire = async (member: TestMember): Promise<void> => {
    const pool = new Pool({
      host: "127.0.0.1",
      port: postgres.port,
      user: ADMIN,
      password: ADMIN_PASSWORD,
      database,
    });
    await eventually("it is removed", async () => {
      // Its own heartbeat may come in between and renew the lease.
      await sql("UPDATE fleet_cluster.replicas SET expires_at = '-infinity' WHERE id = $1", [
        member.member.id,
      ]);
      return (await reap(pool, "fleet_cluster")) === 1;
    });
    await pool.end();
  };

  describe("membership", () => {
    it("lets several join an empty database at once, each with a worker id of its own", async () => {
      const joined = await join(4);
      const ids = joined.map(({ member }) => member.workerId);
      assert.equal(new Set(ids).size, 4);
      assert.ok(ids.every((id) => id >= 0 && id <= 31));
      assert.deepEqual(await sql("SELECT count(*)::int FROM fleet_cluster.migrations"), [{ count: 1 }]);
    });

    it("gives a worker id back on leaving, and to another only after a rest", async () => {
      const [first] = await join(1);
      const id = first!.member.workerId;
      await first!.stop();
      assert.deepEqual(await sql("SELECT id FROM fleet_cluster.worker_ids WHERE owner IS NOT NULL"), []);
      const [second] = await join(1);
      assert.notEqual(second!.member.workerId, id);
    });

    it("says so when all 32 worker ids are leased", async () => {
      const [first] = await join(1);
      await sql(
        `WITH others AS (INSERT INTO fleet_cluster.replicas (id, name, expires_at)
           SELECT gen_random_uuid(), 'other ' || n, 'infinity' FROM generate_series(1, 31) AS n RETURNING id)
         UPDATE fleet_cluster.worker_ids AS free SET owner = other.id
         FROM (SELECT id, row_number() OVER () AS place FROM others) AS other
         WHERE free.owner IS NULL AND other.place = (SELECT count(*) FROM fleet_cluster.worker_ids AS before
           WHERE before.owner IS NULL AND before.id <= free.id)`,
      );
      await assert.rejects(join(1), /All 32 worker ids/);
      assert.equal(first!.member.serving, true);
    });

    it("shuts out a member whose lease ran out: its sessions end, and it learns of it", async () => {
      const [first, second] = await join(2);
      await expire(first!);
      await eventually("the first is shut out", () => first!.fenced.length > 0);
      assert.equal(first!.member.proven, false);
      assert.throws(() => first!.member.assertProven(), /can't prove its lease/);
      assert.equal(second!.member.serving, true);
      assert.deepEqual(await sql("SELECT name FROM fleet_cluster.replicas"), [{ name: "app-2" }]);
    });

    it("replaces a member of the same name at once", async () => {
      const [first] = await join(1);
      const again = new TestMember(postgres, database, "app-1");
      members.push(again);
      await again.start();
      await eventually("the earlier one is shut out", () => first!.fenced.length > 0);
      assert.equal(again.member.serving, true);
    });

    it("stops serving while the server is away and goes on afterwards, also after a crash", async () => {
      const [first, second] = await join(2);
      for (const signal of ["SIGINT", "SIGQUIT"] as const) {
        const held = await first!.locks.take("kept over a restart");
        await postgres.halt(signal);
        await eventually("both stop serving", () => !first!.member.serving && !second!.member.serving);
        await postgres.run();
        await eventually("both serve again", () => first!.member.serving && second!.member.serving);
        assert.equal(await second!.locks.take("kept over a restart", { limitMs: 0 }), undefined);
        await held!.release();
        const taken = await second!.locks.take("kept over a restart", { limitMs: 5000 });
        assert.ok(taken);
        await taken.release();
      }
      assert.deepEqual([...first!.fenced, ...second!.fenced], []);
    });
  });

  describe("messages", () => {
    it("arrive at all members, the sender too, in order and whole, however large", async () => {
      const joined = await join(3);
      const seen = joined.map(({ bus }) => {
        const bodies: string[] = [];
        bus.subscribe("news", (body) => void bodies.push(body));
        return bodies;
      });
      const sent = Array.from("abcdefgh").map((letter, index) =>
        letter.repeat(index % 2 ? 10 : 1_000_000 >> (4 * index)),
      );
      for (const body of sent) await joined[0]!.bus.publish("news", body);
      await eventually("all messages", () => seen.every((bodies) => bodies.length === sent.length));
      for (const bodies of seen) assert.deepEqual(bodies, sent);
    });

    it("are not lost and not doubled where the connection is cut again and again", async () => {
      const [sender, receiver] = await join(2);
      const seen: string[] = [];
      receiver!.bus.subscribe("news", (body) => void seen.push(body));
      const sent = Array.from({ length: 200 }, (_, index) => String(index));
      for (const body of sent) {
        if (Number(body) % 25 === 10) await cut(receiver!);
        await sender!.bus.publish("news", body);
      }
      await eventually("all messages", () => seen.length >= sent.length);
      assert.deepEqual(
        seen.toSorted((a, b) => Number(a) - Number(b)),
        sent,
      );
    });

    it("wait for subscribers while an app loads, and for a database that is away", async () => {
      const [sender, receiver] = await join(2);
      receiver!.bus.pause();
      await sender!.bus.publish("news", "while it loaded");
      await eventually("the message is logged", async () => {
        return (await sql("SELECT FROM fleet_cluster.messages")).length === 1;
      });
      await sleep(50);
      const seen: string[] = [];
      receiver!.bus.subscribe("news", (body) => void seen.push(body));
      await eventually("the message that waited", () => seen.length === 1);
      receiver!.bus.resume();
      await postgres.halt();
      const published = sender!.bus.publish("news", "while the server was away");
      await postgres.run();
      await published;
      await eventually("the message after the restart", () => seen.length === 2);
      assert.deepEqual(seen, ["while it loaded", "while the server was away"]);
    });
  });

  describe("locks", () => {
    it("let one in at a time, over all members", async () => {
      const joined = await join(3);
      let inside = 0;
      let most = 0;
      let entered = 0;
      const enter = async ({ locks }: TestMember): Promise<void> => {
        const lock = await locks.take("counter");
        inside += 1;
        most = Math.max(most, inside);
        entered += 1;
        await sleep(2);
        inside -= 1;
        await lock!.release();
      };
      await Promise.all(joined.flatMap((member) => Array.from({ length: 15 }, () => enter(member))));
      assert.deepEqual({ most, entered, inside }, { most: 1, entered: 45, inside: 0 });
      assert.deepEqual(await sql("SELECT key FROM fleet_cluster.locks"), []);
    });

    it("end with their time, are extended, and are refused while taken", async () => {
      const [first, second] = await join(2);
      const lock = await first!.locks.take("short", { ttlMs: 60_000 });
      assert.equal(await second!.locks.take("short", { limitMs: 0 }), undefined);
      assert.equal(await first!.locks.take("short", { limitMs: 20 }), undefined);
      await lock!.extend(100);
      const taken = await second!.locks.take("short", { limitMs: 10_000 });
      assert.ok(taken);
      await assert.rejects(lock!.extend(1000), /not held/);
      await lock!.release();
      assert.equal(
        (await sql("SELECT FROM fleet_cluster.locks")).length,
        1,
        "a late release takes nothing away",
      );
      await taken.release();
    });

    it("of a member that is shut out go to those who wait", async () => {
      const [first, second] = await join(2);
      await first!.locks.take("left behind");
      const waiting = second!.locks.take("left behind");
      await expire(first!);
      assert.ok(await waiting);
      await eventually("the first knows", () => first!.fenced.length > 0);
      assert.equal(first!.member.proven, false);
      await assert.rejects(first!.locks.take("another"));
    });
  });

  describe("queue", () => {
    it("has each task processed once, and shares the work", async () => {
      const joined = await join(3);
      const done = await Promise.all(joined.map((member) => member.consume("work", { concurrency: 2 })));
      const sent = Array.from({ length: 150 }, (_, index) => index);
      await Promise.all(sent.map((content) => joined[0]!.queue.publish("work", content)));
      await eventually("all tasks", () => done.flat().length >= sent.length);
      assert.deepEqual(
        done.flat().toSorted((a, b) => Number(a) - Number(b)),
        sent,
      );
      await eventually("an empty table", async () => {
        return (await sql("SELECT FROM fleet_cluster.tasks")).length === 0;
      });
    });

    it("takes no more than its concurrency, and nothing unless idle", async () => {
      const [only] = await join(1);
      let idle = false;
      let inWork = 0;
      let most = 0;
      let done = 0;
      await only!.consume("work", {
        concurrency: 3,
        interval: 20,
        idle: () => idle,
        process: async () => {
          most = Math.max(most, ++inWork);
          await sleep(20);
          inWork -= 1;
          done += 1;
        },
      });
      for (let index = 0; index < 12; index++) await only!.queue.publish("work", index);
      await sleep(100);
      assert.equal(done + inWork, 0);
      idle = true;
      await eventually("all tasks", () => done === 12);
      assert.equal(most, 3);
    });

    it("tries a failing task as often as asked for, then drops it", async () => {
      const [only] = await join(1);
      const tries: number[] = [];
      await only!.consume("work", {
        process: (_content, { retried }) => {
          tries.push(retried);
          return Promise.reject(new Error("fails always"));
        },
      });
      await only!.queue.publish("work", "bad", { maxRetries: 2, timeout: 1000 });
      await eventually("the last try", () => tries.length === 3);
      await eventually("an empty table", async () => {
        return (await sql("SELECT FROM fleet_cluster.tasks")).length === 0;
      });
      assert.deepEqual(tries, [0, 1, 2]);
    });

    it("hands over what a member had in work that is shut out, and what one leaves undone", async () => {
      const [first, second, third] = await join(3);
      const never = new Promise<void>(() => undefined);
      await first!.consume("work", { process: () => never });
      await second!.queue.publish("work", "left by a dead one");
      await eventually("the first has it", async () => {
        return (await sql("SELECT FROM fleet_cluster.tasks WHERE owner IS NOT NULL")).length === 1;
      });
      const done = await second!.consume("work");
      await expire(first!);
      await eventually("the second did it", () => done.length === 1);
      assert.deepEqual(second!.handedOver, ["left by a dead one"]);

      await second!.queue.close();
      await third!.consume("work", { process: () => never });
      await second!.queue.publish("work", "left by one that stopped");
      await eventually("the third has it", async () => {
        return (await sql("SELECT FROM fleet_cluster.tasks WHERE owner IS NOT NULL")).length === 1;
      });
      const more = await second!.consume("work");
      await third!.stop();
      await eventually("the second did it", () => more.length === 1);
    });
  });

  describe("cache", () => {
    it("is one for all members, and a change is seen by all", async () => {
      const [first, second] = await join(2);
      assert.equal(await second!.cache.get("user"), undefined);
      await first!.cache.set("user", { name: "one", of: [1, null] });
      assert.deepEqual(await second!.cache.get("user"), { name: "one", of: [1, null] });
      await first!.cache.set("user", { name: "two" });
      await eventually("the change", async () => {
        return JSON.stringify(await second!.cache.get("user")) === '{"name":"two"}';
      });
      await second!.cache.del("user");
      await eventually("the deletion", async () => (await first!.cache.get("user")) === undefined);
    });

    it("keeps nothing that was read before a deletion", async () => {
      const [first, second] = await join(2);
      await first!.cache.set("role", "old");
      await second!.cache.del("role");
      // A request that read the old state before the deletion's transaction committed, and comes late.
      await first!.cache.set("role", "old");
      assert.equal(await first!.cache.get("role"), undefined);
      assert.equal(await second!.cache.get("role"), undefined);
      await eventually("it is cached again", async () => {
        await first!.cache.set("role", "new");
        return (await second!.cache.get("role")) === "new";
      });
    });

    it("ends entries with their time, and all with a reset", async () => {
      const [first, second] = await join(2);
      await first!.cache.set("short", 1, 150);
      await first!.cache.mset([
        ["long", 2],
        ["longer", 3],
      ]);
      assert.deepEqual(await second!.cache.mget("long", "longer", "none"), [2, 3, undefined]);
      assert.ok((await second!.cache.ttl("short")) <= 150);
      assert.equal(await second!.cache.ttl("long"), -1);
      await eventually("the end", async () => (await second!.cache.get("short")) === undefined);
      assert.deepEqual((await first!.cache.keys()).toSorted(), ["long", "longer"]);
      await second!.cache.reset();
      await eventually("the reset", async () => (await first!.cache.get("long")) === undefined);
    });

    it("drops its near copies when changes may have been missed", async () => {
      const [first, second] = await join(2);
      await first!.cache.set("key", "old");
      assert.equal(await second!.cache.get("key"), "old");
      await cut(second!);
      await first!.cache.set("key", "new");
      await eventually("the new value", async () => {
        return (await second!.cache.get("key").catch(() => undefined)) === "new";
      });
    });
  });

  it("costs a member three statements for each fifth of a lease at rest", async () => {
    const [only] = await join(1);
    const before = (await postgres.log()).length;
    await sleep(LEASE_MS * 2);
    const statements = (await postgres.log()).slice(before).match(/(statement|execute [^:]+): /g) ?? [];
    assert.ok(statements.length <= 3 * 11, `${statements.length} statements`);
    assert.equal(only!.member.serving, true);
  });
});
