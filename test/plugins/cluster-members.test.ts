/** Leases, fencing and messages of the cluster plugin: several members within this process, on a real server. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually, LEASE_MS, testCluster } from "./support/members";

describe("members of a cluster on PostgreSQL", function () {
  this.timeout(60_000);
  const { postgres, sql, join, add, cut, expire } = testCluster();

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
      const again = add("app-1");
      await again.start();
      await eventually("the earlier one is shut out", () => first!.fenced.length > 0);
      assert.equal(again.member.serving, true);
    });

    it("stops serving while the server is away and goes on afterwards, also after a crash", async () => {
      const [first, second] = await join(2);
      for (const signal of ["SIGINT", "SIGQUIT"] as const) {
        const held = await first!.locks.take("kept over a restart");
        await postgres().halt(signal);
        await eventually("both stop serving", () => !first!.member.serving && !second!.member.serving);
        await postgres().run();
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

  it("outlasts a restore that drops its tables, then starts anew", async () => {
    const [first] = await join(1);
    await sql("DROP SCHEMA fleet_cluster CASCADE");
    const start = Date.now();
    while (first!.fenced.length === 0) {
      assert.equal(first!.member.proven, true);
      await sleep(50);
    }
    assert.ok(Date.now() - start > LEASE_MS);
    assert.match(first!.fenced[0]!, /tables were dropped/);
    const [again] = await join(1);
    assert.equal(again!.member.serving, true);
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
      await postgres().halt();
      const published = sender!.bus.publish("news", "while the server was away");
      await postgres().run();
      await published;
      await eventually("the message after the restart", () => seen.length === 2);
      assert.deepEqual(seen, ["while it loaded", "while the server was away"]);
    });
  });

  it("costs a member three statements for each fifth of a lease at rest", async () => {
    const [only] = await join(1);
    const before = (await postgres().log()).length;
    await sleep(LEASE_MS * 2);
    const statements = (await postgres().log()).slice(before).match(/(statement|execute [^:]+): /g) ?? [];
    assert.ok(statements.length <= 3 * 11, `${statements.length} statements`);
    assert.equal(only!.member.serving, true);
  });
});
