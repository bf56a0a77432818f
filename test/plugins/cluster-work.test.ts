/** What the cluster plugin's members share: several within this process, on a real server. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually, testCluster, type TestMember } from "./support/members";

describe("locks, queue and cache of a cluster on PostgreSQL", function () {
  this.timeout(60_000);
  const { sql, join, cut, expire } = testCluster();

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
});
