/** The fleet's registry: members with least privilege, states and commands, on a real server with real roles. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { eachWithRegistry, eventually, OWNER, ScriptedHost, TestRegistry } from "./support/registry";

describe("the fleet's registry on PostgreSQL", function () {
  this.timeout(60_000);
  let registry: TestRegistry;
  eachWithRegistry((made) => (registry = made));

  describe("what members may", () => {
    it("shows an environment and its apps once they have told of themselves", async () => {
      assert.deepEqual(
        (await registry.control.environments()).map(({ name, state }) => [name, state]),
        [
          ["blue", "unavailable"],
          ["green", "unavailable"],
        ],
      );
      registry.agent("blue", new ScriptedHost(["crm"]));
      await registry.shows("crm", "running");
      assert.equal(await registry.state("shop"), "pending");
      assert.equal(await registry.state("hr"), "unavailable");
      const [blue] = await registry.control.environments();
      assert.equal(blue?.state, "available");
      assert.equal(blue.memoryMiB, 400);
    });

    it("takes an app's state from the environment that it is declared in, and from no other", async () => {
      registry.agent("blue", new ScriptedHost(["crm"]));
      const forger = new ScriptedHost(["crm", "hr"]);
      forger.apps.set("crm", { app: "crm", status: "failed", held: true, error: "forged" });
      registry.agent("green", forger);
      await registry.shows("hr", "running");
      await registry.shows("crm", "running");
      const crm = (await registry.control.apps()).find(({ name }) => name === "crm");
      assert.deepEqual([crm?.state, crm?.held, crm?.lastError], ["running", false, null]);
    });

    it("lets no member read or write a table, nor make anything of its own", async () => {
      const blue = registry.role("blue");
      const tables = [
        "declared_environments",
        "declared_apps",
        "members",
        "states",
        "commands",
        "migrations",
      ];
      for (const table of tables) {
        for (const statement of [
          `SELECT * FROM fleet.${table}`,
          `DELETE FROM fleet.${table}`,
          `INSERT INTO fleet.${table} DEFAULT VALUES`,
          `TRUNCATE fleet.${table}`,
        ])
          await assert.rejects(registry.as(blue, statement), /permission denied/, statement);
      }
      for (const statement of [
        "UPDATE fleet.states SET status = 'running'",
        "UPDATE fleet.commands SET outcome = 'done'",
        "SELECT nextval('fleet.changes')",
        "CREATE TABLE fleet.more (id int)",
        "CREATE FUNCTION fleet.now() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TEMP TABLE members (id int)",
        "CREATE SCHEMA mine",
        `SET ROLE ${registry.role("green")}`,
        `SET SESSION AUTHORIZATION ${registry.role("green")}`,
        `SET ROLE ${OWNER}`,
        "DROP FUNCTION fleet.leave",
      ])
        await assert.rejects(registry.as(blue, statement), /permission denied|must be owner/, statement);
    });

    it("passes requests on to no address but those that the stack file gives", async () => {
      const targets = async (app: string): Promise<string[] | undefined> =>
        (await registry.control.apps()).find(({ name }) => name === app)?.targets;
      const honest = new ScriptedHost(["hr"]);
      honest.url = "http://green.inside";
      registry.agent("green", honest);
      const forger = new ScriptedHost(["crm"]);
      forger.url = "http://169.254.169.254";
      registry.agent("blue", forger);
      await registry.shows("hr", "running");
      await registry.shows("crm", "running");
      assert.deepEqual([await targets("hr"), await targets("crm")], [["http://green.inside"], []]);
    });

    it("refuses an environment that answers for another one's commands", async () => {
      const stop = await registry.send("hr", "stop");
      const [row] = await registry.as(OWNER, "SELECT id FROM fleet.commands WHERE request_id = $1", [stop]);
      const session = randomUUID();
      const blue = registry.role("blue");
      await registry.as(blue, "SELECT fleet.enter('1', $1, '{}')", [session]);
      assert.deepEqual(await registry.as(blue, "SELECT * FROM fleet.open_commands()"), []);
      for (const call of ["begin_command($1, $2)", "finish_command($1, $2, NULL)"])
        assert.deepEqual(await registry.as(blue, `SELECT fleet.${call} AS yes`, [row?.id, session]), [
          { yes: false },
        ]);
      assert.equal((await registry.control.command(stop))?.outcome, "waiting");
      const green = await registry.as(
        registry.role("green"),
        "SELECT app, action FROM fleet.open_commands()",
      );
      assert.deepEqual(green, [{ app: "hr", action: "stop" }]);
    });

    it("refuses what isn't declared as a state, and messages that are too long", async () => {
      const blue = registry.role("blue");
      const session = randomUUID();
      await registry.as(blue, "SELECT fleet.enter('1', $1, '{}')", [session]);
      const report = (apps: unknown, info = {}) =>
        registry.as(blue, "SELECT fleet.report('1', $1, $2, $3) AS answer", [
          session,
          JSON.stringify(info),
          JSON.stringify(apps),
        ]);
      await assert.rejects(report([{ app: "crm", status: "fine", held: false }]), /violates check/);
      const noise = Array.from({ length: 9000 }, () => randomUUID()).join("");
      await assert.rejects(report([], { noise }), /violates check/);
      await report([{ app: "crm", status: "failed", held: false, error: noise }]);
      assert.equal((await registry.control.apps())[0]?.lastError?.length, 4000);
    });
  });

  describe("states", () => {
    it("sees a change within two seconds, and an environment that is gone within fifteen", async () => {
      const host = new ScriptedHost(["crm"]);
      const agent = registry.agent("blue", host);
      await registry.shows("crm", "running");
      host.apps.set("crm", { app: "crm", status: "failed", held: false, error: "disk full" });
      const changed = Date.now();
      agent.changed();
      await registry.shows("crm", "failed");
      assert.ok(Date.now() - changed < 2000);
      assert.equal((await registry.control.apps())[0]?.lastError, "disk full");
      // Paused as a whole: its connection stays, and no sign of life comes.
      const gone = Date.now();
      await registry.as(OWNER, "UPDATE fleet.members SET session = $1", [randomUUID()]);
      await registry.shows("crm", "unavailable");
      assert.ok(Date.now() - gone < 15_000, `${Date.now() - gone} ms`);
    });

    it("shows one that says goodbye as unavailable at once", async () => {
      const agent = registry.agent("blue", new ScriptedHost(["crm"]));
      await registry.shows("crm", "running");
      await agent.stop();
      assert.equal(await registry.state("crm"), "unavailable");
    });

    it("goes on after a restart of PostgreSQL, also after a crash", async () => {
      const host = new ScriptedHost(["crm"]);
      const agent = registry.agent("blue", host);
      await registry.shows("crm", "running");
      for (const signal of ["SIGINT", "SIGQUIT"] as const) {
        await registry.postgres.halt(signal);
        host.apps.set("crm", { app: "crm", status: "failed", held: false, error: signal });
        agent.changed();
        await registry.postgres.run();
        await eventually("what happened meanwhile is told", async () => {
          const apps = await registry.control.apps().catch(() => []);
          return apps[0]?.lastError === signal ? true : undefined;
        });
        await eventually("the entry app listens again", () => registry.control.connected || undefined);
        assert.equal((await registry.outcome(await registry.send("crm", "restart"))).outcome, "done");
      }
    });

    it("enters again where the registry was put back to a time before it", async () => {
      registry.agent("blue", new ScriptedHost(["crm"]));
      await registry.shows("crm", "running");
      await registry.as(OWNER, "DELETE FROM fleet.members");
      await eventually("it has entered again", async () =>
        (await registry.control.environments())[0]?.state === "available" ? true : undefined,
      );
    });

    it("lets the later one of two processes of a name report", async () => {
      registry.agent("blue", new ScriptedHost(["crm"]));
      await registry.shows("crm", "running");
      registry.agent("blue", new ScriptedHost(["crm", "shop"]));
      await registry.shows("shop", "running");
      await eventually("the earlier one gives up", () =>
        registry.warnings.some((text) => text.includes("later process")) ? true : undefined,
      );
      assert.equal(await registry.state("shop"), "running");
    });
  });

  it("keeps up with fifty apps whose states change all the time", async () => {
    const members = ["one", "two", "three", "four", "five"];
    const fleet = await TestRegistry.make(registry.postgres, "busy", members);
    const declared = Object.fromEntries(
      members.map((member) => [member, Array.from({ length: 10 }, (_, index) => `${member}-${index}`)]),
    );
    await fleet.declare(declared);
    const hosts = members.map((member) => new ScriptedHost(declared[member]!));
    const agents = members.map((member, index) => fleet.agent(member, hosts[index]!));
    const set = (host: number, app: string, status: "running" | "stopped"): void => {
      hosts[host]!.apps.set(app, { app, status, held: false, error: null });
      agents[host]!.changed();
    };
    // Each app of the four others flips ten times a second.
    let flips = 0;
    const storm = setInterval(() => {
      flips += 1;
      for (let host = 1; host < members.length; host++)
        for (const app of declared[members[host]!]!) set(host, app, flips % 2 === 0 ? "running" : "stopped");
    }, 100);
    try {
      const seen: number[] = [];
      for (const app of declared.one!) {
        await eventually(`${app} runs`, async () =>
          (await fleet.state(app)) === "running" ? true : undefined,
        );
        const began = Date.now();
        set(0, app, "stopped");
        await eventually(`${app} stops`, async () =>
          (await fleet.state(app)) === "stopped" ? true : undefined,
        );
        seen.push(Date.now() - began);
      }
      assert.ok(Math.max(...seen) < 2000, `${Math.max(...seen)} ms`);
      console.log(`      a change among ${flips * 40} others was seen after ${Math.max(...seen)} ms at most`);
    } finally {
      clearInterval(storm);
    }
    await eventually("all are known", async () =>
      (await fleet.control.apps()).every(({ state }) => state !== "pending") ? true : undefined,
    );
    assert.equal((await fleet.control.apps()).length, 50);
    assert.deepEqual(fleet.warnings, []);
    await fleet.stop();
  });
});
