/** Commands by way of the fleet's registry: order, repetition, time limits, ends in the middle. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Action } from "../../plugins/supervisor/src/server/registry/types";
import { MOST_ATTEMPTS } from "../../plugins/supervisor/src/server/registry/schema";
import { eachWithRegistry, eventually, OWNER, ScriptedHost, TestRegistry } from "./support/registry";

describe("commands by way of the fleet's registry", function () {
  this.timeout(60_000);
  let registry: TestRegistry;
  eachWithRegistry((made) => (registry = made));

  it("brings a command to the app's environment and its outcome back", async () => {
    const host = new ScriptedHost(["crm", "shop"]);
    registry.agent("blue", host);
    const other = new ScriptedHost(["hr"]);
    registry.agent("green", other);
    const done = await registry.outcome(await registry.send("crm", "stop"));
    assert.deepEqual([done.outcome, done.error, done.requestedBy], ["done", null, "ann"]);
    // The state is there before the outcome.
    assert.equal(await registry.state("crm"), "stopped");
    host.work = () => Promise.reject(new Error("the database refuses its password"));
    const failed = await registry.outcome(await registry.send("crm", "start"));
    assert.deepEqual([failed.outcome, failed.error], ["failed", "the database refuses its password"]);
    assert.deepEqual(other.done, []);
    await assert.rejects(registry.send("nosuch", "start"), /no app "nosuch"/);
  });

  it("carries out a request once, however often it is sent", async () => {
    const host = new ScriptedHost(["crm"]);
    registry.agent("blue", host);
    const request = {
      requestId: randomUUID(),
      app: "crm",
      action: "restart",
      by: "ann",
      timeoutMs: 9000,
    } as const;
    await Promise.all(Array.from({ length: 5 }, () => registry.control.dispatch(request)));
    await registry.outcome(request.requestId);
    await registry.control.dispatch(request);
    await registry.outcome(await registry.send("crm", "stop"));
    assert.deepEqual(host.done, ["restart crm", "stop crm"]);
  });

  it("keeps each app's order, and starts one app after another", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `app${index}`);
    await registry.declare({ blue: names });
    const host = new ScriptedHost(names);
    let starting = 0;
    let most = 0;
    host.work = async (_app, action) => {
      if (action === "stop") return;
      most = Math.max(most, ++starting);
      await new Promise((done) => setTimeout(done, 2));
      starting -= 1;
    };
    registry.agent("blue", host);
    const actions: Action[] = ["stop", "start", "restart", "stop"];
    const sent: string[] = [];
    for (const action of actions) for (const name of names) sent.push(await registry.send(name, action));
    for (const each of sent) assert.equal((await registry.outcome(each)).outcome, "done");
    assert.equal(most, 1);
    for (const name of names)
      assert.deepEqual(
        host.done.filter((text) => text.endsWith(` ${name}`)),
        actions.map((action) => `${action} ${name}`),
      );
  });

  it("keeps a command for an environment that is away, until its time is over", async () => {
    const kept = await registry.send("crm", "restart");
    const late = await registry.send("shop", "restart", 1);
    await eventually("its time is over", async () => {
      await registry.control.expire();
      return (await registry.control.command(late))?.outcome === "timed out" ? true : undefined;
    });
    assert.equal((await registry.control.command(late))?.error, "its environment was unavailable");
    const host = new ScriptedHost(["crm", "shop"]);
    registry.agent("blue", host);
    assert.equal((await registry.outcome(kept)).outcome, "done");
    assert.deepEqual(host.done, ["restart crm"]);
  });

  it("says that a command took too long, and what came of it when it is known", async () => {
    const host = new ScriptedHost(["crm"]);
    let end = (): void => undefined;
    host.work = () => new Promise((resolve) => (end = resolve));
    registry.agent("blue", host);
    const slow = await registry.send("crm", "restart", 500);
    await eventually("it is given up", async () => {
      await registry.control.expire();
      return (await registry.control.command(slow))?.outcome === "timed out" ? true : undefined;
    });
    const next = await registry.send("crm", "stop");
    // Not before the first is through, late as it is.
    assert.deepEqual(host.done, []);
    host.work = () => Promise.resolve();
    end();
    await registry.outcome(next);
    assert.equal((await registry.control.command(slow))?.outcome, "done");
    assert.deepEqual(host.done, ["restart crm", "stop crm"]);
  });

  it("goes on where a process ended in the middle, and gives up what ends each process", async () => {
    for (let attempt = 1; attempt <= MOST_ATTEMPTS + 1; attempt++) {
      const requestId = attempt === 1 ? await registry.send("crm", "restart") : await only();
      const session = randomUUID();
      const blue = registry.role("blue");
      await registry.as(blue, "SELECT fleet.enter('1', $1, '{}')", [session]);
      const [row] = await registry.as(OWNER, "SELECT id FROM fleet.commands WHERE request_id = $1", [
        requestId,
      ]);
      const [answer] = await registry.as(blue, "SELECT fleet.begin_command($1, $2) AS yes", [
        row?.id,
        session,
      ]);
      assert.equal(answer?.yes, attempt <= MOST_ATTEMPTS);
    }
    const given = await registry.control.command(await only());
    assert.equal(given?.outcome, "failed");
    assert.match(given.error ?? "", /ended 3 times/);
  });

  it("carries on after the process that had begun is replaced", async () => {
    const stuck = new ScriptedHost(["crm"]);
    stuck.work = () => new Promise(() => undefined);
    registry.agent("blue", stuck);
    const first = await registry.send("crm", "restart");
    await eventually("it is begun", async () =>
      (await registry.control.command(first))?.outcome === "begun" ? true : undefined,
    );
    const second = await registry.send("crm", "stop");
    const host = new ScriptedHost(["crm"]);
    registry.agent("blue", host);
    await registry.outcome(second);
    assert.equal((await registry.control.command(first))?.outcome, "done");
    assert.deepEqual(host.done, ["restart crm", "stop crm"]);
  });

  it("follows changes of commands one after the other", async () => {
    const host = new ScriptedHost(["crm"]);
    registry.agent("blue", host);
    const sent = await registry.send("crm", "restart");
    await registry.outcome(sent);
    const [command] = await registry.control.changedCommands("0", 10);
    assert.equal(command?.requestId, sent);
    assert.deepEqual(await registry.control.changedCommands(command.change, 10), []);
  });

  const only = async (): Promise<string> =>
    String((await registry.as(OWNER, "SELECT request_id FROM fleet.commands"))[0]?.request_id);
});
