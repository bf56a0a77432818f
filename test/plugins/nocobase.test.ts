import assert from "node:assert/strict";
import {
  canSignIn,
  destroyApplication,
  findApplication,
  stopApplication,
  updateApplication,
} from "../../providers/nocobase/client";
import type { TestProject } from "./support/engine";
import { failure, nocobaseFleet, type NocoBaseFleet } from "./support/nocobase-fleet";

const MINUTE = 60_000;

describe("nocobase provider on a real NocoBase: lifecycle", function () {
  this.timeout(5 * MINUTE);
  let nocobase: NocoBaseFleet;

  before(async function () {
    this.timeout(15 * MINUTE);
    nocobase = await nocobaseFleet();
  });

  describe("two applications from the start", () => {
    let fleet: TestProject;

    it("are created side by side, each on its database, and answer", async () => {
      await Promise.all([nocobase.database("crm"), nocobase.database("shop")]);
      fleet = await nocobase.project({ crm: {}, shop: {} });
      const { steps } = await fleet.up();
      assert.deepEqual(steps.map(({ op, name }) => [op, name]).sort(), [
        ["create", "crm"],
        ["create", "shop"],
      ]);
      for (const name of ["crm", "shop"]) {
        assert.ok(await nocobase.answers(name), name);
        const [row] = await nocobase.postgres.sql("SELECT count(*)::int AS n FROM users", [], {
          database: `db_${name}`,
        });
        assert.equal(row!.n, 1, name);
      }
      const { outputs } = await fleet.resource("crm");
      assert.equal(outputs!.url, `${nocobase.host.url}/apps/crm/`);
    });

    it("have root users of their own; the host's credentials and token are refused", async () => {
      for (const name of ["crm", "shop"]) {
        assert.ok(await canSignIn(nocobase.root(name)), name);
        assert.ok(!(await canSignIn(nocobase.host.session(name))), name);
      }
      const { token } = await nocobase.host.session().signIn();
      const reply = await fetch(`${nocobase.host.url}/api/__app/crm/users:list`, {
        headers: { Authorization: `Bearer ${token}` },
      });
      assert.equal(reply.status, 401);
      const [user] = await nocobase.postgres.sql("SELECT email, nickname FROM users", [], {
        database: "db_crm",
      });
      assert.deepEqual(user, { email: "root@crm.test", nickname: "Root of crm" });
    });

    it("keep their uploads apart, and files come back", async () => {
      const { token } = await nocobase.root("crm").signIn();
      const form = new FormData();
      form.append("file", new Blob(["hello"], { type: "text/plain" }), "hello.txt");
      const headers = { Authorization: `Bearer ${token}` };
      const sent = await fetch(`${nocobase.host.url}/api/__app/crm/attachments:create`, {
        method: "POST",
        headers,
        body: form,
      });
      const { data } = (await sent.json()) as { data: { path: string; url: string } };
      assert.equal(data.path, "crm");
      assert.equal(await (await fetch(nocobase.host.url + data.url, { headers })).text(), "hello");
    });

    it("keep passwords and keys out of state and NocoBase's tables", async () => {
      const [row] = await nocobase.postgres.sql(
        "SELECT options::text FROM applications WHERE name = 'crm'",
        [],
        {
          database: "host",
        },
      );
      assert.ok(!String(row!.options).includes("database password of crm"));
      const state = await fleet.stateText();
      for (const word of [
        "password of",
        "jwt secret of",
        nocobase.host.password,
        nocobase.host.encryptionKey,
      ]) {
        assert.ok(!state.includes(word), word);
      }
    });

    it("need nothing when nothing changed", async () => {
      assert.deepEqual((await fleet.preview()).steps, []);
      assert.deepEqual((await fleet.up()).steps, []);
    });

    it("take over a new title and custom domain in place, without a restart", async () => {
      fleet.change({
        program: nocobase.program({ crm: { title: "Customers", cname: "customers.localhost" }, shop: {} }),
      });
      const { steps } = await fleet.up();
      assert.deepEqual(
        steps.map(({ op, name, diff }) => [op, name, Object.keys(diff).sort()]),
        [["update", "crm", ["cname", "title"]]],
      );
      const live = await findApplication(nocobase.host.session(), "crm");
      assert.equal(live!.displayName, "Customers");
      assert.equal(live!.options!.authManager!.jwt!.secret, "jwt secret of crm, long enough");
      const byName = await fetch(`${nocobase.host.url}/api/auth:signIn`, {
        method: "POST",
        headers: { "X-Hostname": "customers.localhost", "Content-Type": "application/json" },
        body: JSON.stringify({ account: "root@crm.test", password: "root password of crm" }),
      });
      assert.equal(byName.status, 200);
    });

    it("stop, stay stopped, and start again", async () => {
      fleet.change({ program: nocobase.program({ crm: { state: "stopped" }, shop: {} }) });
      await fleet.up();
      assert.deepEqual(await nocobase.host.states(), { crm: "stopped", shop: "running" });
      assert.deepEqual((await fleet.preview()).steps, []);
      assert.deepEqual(await nocobase.host.states(), { crm: "stopped", shop: "running" });
      fleet.change({ program: nocobase.program({ crm: {}, shop: {} }) });
      await fleet.up();
      assert.ok(await nocobase.answers("crm"));
    });

    it("get another root password with the old one from the state", async () => {
      fleet.change({
        program: nocobase.program({ crm: { rootPassword: "second root password" }, shop: {} }),
      });
      const { steps } = await fleet.up();
      assert.deepEqual(
        steps.map(({ op, diff }) => [op, diff]),
        [["update", { rootPassword: "update" }]],
      );
      assert.ok(await canSignIn(nocobase.root("crm", "second root password")));
      assert.ok(!(await canSignIn(nocobase.root("crm"))));
      fleet.change({ program: nocobase.program({ crm: {}, shop: {} }) });
      await fleet.up();
    });

    it("are repaired by an unchanged up when stopped by hand", async () => {
      await stopApplication(nocobase.host.session(), "crm");
      await nocobase.reaches("crm", (state) => state === "stopped");
      const { steps } = await fleet.preview();
      assert.deepEqual(
        steps.map(({ op, name }) => [op, name]),
        [["update", "crm"]],
      );
      const { stdout } = await fleet.up();
      assert.match(stdout, /crm is declared running, but http:\S+ says stopped: an update repairs it/);
      assert.ok(await nocobase.answers("crm"));
      assert.deepEqual((await fleet.preview()).steps, []);
    });

    it("show changes made by hand in a refresh, and up takes them back", async () => {
      const live = await findApplication(nocobase.host.session(), "crm");
      await updateApplication(nocobase.host.session(), {
        name: "crm",
        displayName: "Changed by hand",
        cname: null,
        options: { ...live!.options, autoStart: false },
      });
      await fleet.refresh();
      const { inputs } = await fleet.resource("crm");
      assert.deepEqual(
        [inputs!.title, inputs!.cname, inputs!.startMode],
        ["Changed by hand", undefined, "lazy"],
      );
      const { steps } = await fleet.up();
      assert.deepEqual(
        steps.map(({ op, diff }) => [op, Object.keys(diff).sort()]),
        [["update", ["cname", "startMode", "title"]]],
      );
      const now = await findApplication(nocobase.host.session(), "crm");
      assert.deepEqual([now!.displayName, now!.cname], ["Title of crm", "crm.localhost"]);
      assert.equal(now!.options!.autoStart, true);
    });

    it("are registered again on the same data when someone took one out", async () => {
      await stopApplication(nocobase.host.session(), "shop");
      await destroyApplication(nocobase.host.session(), "shop");
      const { steps: refreshed } = await fleet.refresh();
      assert.deepEqual(
        refreshed.map(({ op, name }) => [op, name]),
        [["delete", "shop"]],
      );
      const { steps } = await fleet.up();
      assert.deepEqual(
        steps.map(({ op, name }) => [op, name]),
        [["create", "shop"]],
      );
      assert.ok(await canSignIn(nocobase.root("shop")));
    });

    it("preview without the host, and a refresh then leaves the state as it is", async () => {
      await nocobase.host.halt();
      try {
        const before = await fleet.resource("crm", true);
        assert.deepEqual((await fleet.preview()).steps, []);
        const { stdout } = await fleet.refresh();
        assert.match(stdout, /can't be reached.*state of application crm was left as it is/s);
        const after = await fleet.resource("crm", true);
        assert.deepEqual([after.inputs, after.outputs], [before.inputs, before.outputs]);
        const message = await failure(fleet.destroy());
        assert.match(message, /Start the hosting instance and run the command again/);
        assert.match(message, /pulumi state delete 'urn:pulumi:/);
      } finally {
        await nocobase.host.run();
      }
    });

    it("go, and leave their databases", async () => {
      await fleet.destroy();
      assert.deepEqual(await nocobase.host.states(), {});
      const rows = await nocobase.postgres.sql("SELECT count(*)::int AS n FROM users", [], {
        database: "db_crm",
      });
      assert.equal(rows[0]!.n, 1);
    });
  });

  it("a stopped application is installed once, then stopped, and starts with its own root user", async () => {
    await nocobase.database("asleep");
    const fleet = await nocobase.project({ asleep: { state: "stopped" } });
    await fleet.up();
    assert.equal((await nocobase.host.states()).asleep, "stopped");
    const [user] = await nocobase.postgres.sql("SELECT email FROM users", [], { database: "db_asleep" });
    assert.equal(user!.email, "root@asleep.test");
    fleet.change({ program: nocobase.program({ asleep: {} }) });
    await fleet.up();
    assert.ok(await canSignIn(nocobase.root("asleep")));
    await fleet.destroy();
  });

  it("is imported by its address, and the next up has nothing left to do after it", async () => {
    await nocobase.database("adopted");
    const maker = await nocobase.project({ adopted: {} });
    await maker.up();
    const env = { NOCOBASE_ACCOUNT: nocobase.host.account, NOCOBASE_PASSWORD: nocobase.host.password };
    const importId = `${nocobase.host.url}/apps/adopted/`;
    const fleet = await nocobase.project({ adopted: { importId } });
    fleet.change({ env });
    const { steps } = await fleet.up();
    assert.deepEqual(
      steps.map(({ op, name }) => [op, name]),
      [["import", "adopted"]],
    );
    const state = await fleet.stateText();
    assert.ok(!state.includes("password of"), "no secret in the clear");
    fleet.change({ program: nocobase.program({ adopted: {} }) });
    await fleet.up();
    assert.deepEqual((await fleet.preview()).steps, []);
    await fleet.destroy();
    assert.equal((await nocobase.host.states()).adopted, undefined);
  });
});
