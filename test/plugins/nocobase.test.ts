import assert from "node:assert/strict";
import { readdir, readFile, readlink } from "node:fs/promises";
import { resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { Application, type ApplicationArgs } from "../../providers/nocobase/resources";
import {
  applicationHealth,
  canSignIn,
  createApplication,
  destroyApplication,
  findApplication,
  NocoBaseError,
  Session,
  stopApplication,
  until,
  updateApplication,
} from "../../providers/nocobase/client";
import { createProject, type TestProject } from "./support/engine";
import { TestHost } from "./support/nocobase";
import { TestPostgres } from "./support/postgres";

/** Engine processes at work in a project's folder. */
async function processesIn(folder: string): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const here = await Promise.all(
    pids.map(async (pid) => {
      const [cwd, command] = await Promise.all([
        readlink(`/proc/${pid}/cwd`).catch(() => ""),
        readFile(`/proc/${pid}/comm`, "utf8").catch(() => ""),
      ]);
      return cwd === folder && command.trim() === "pulumi" ? [pid] : [];
    }),
  );
  return here.flat();
}

const PROVIDER = resolve(__dirname, "../../providers/nocobase");
const MINUTE = 60_000;

interface Plain {
  title: string;
  cname?: string;
  state: "running" | "stopped";
  startMode: "auto" | "lazy";
  databasePassword: string;
  databaseName: string;
  rootPassword: string;
  importId?: string;
}

/** One NocoBase, one PostgreSQL; every test has applications of its own. */
describe("nocobase provider on a real NocoBase", function () {
  this.timeout(5 * MINUTE);
  let postgres: TestPostgres;
  let host: TestHost;
  const cleanups: (() => Promise<void>)[] = [];

  before(async function () {
    this.timeout(15 * MINUTE);
    postgres = await TestPostgres.start();
    cleanups.unshift(() => postgres.stop());
    host = await TestHost.start(postgres);
    cleanups.unshift(() => host.stop());
  });

  after(async () => {
    for (const cleanup of cleanups) await cleanup();
  });

  async function database(name: string): Promise<void> {
    await postgres.sql(`CREATE ROLE ${name} LOGIN PASSWORD 'database password of ${name}'`);
    await postgres.sql(`CREATE DATABASE db_${name} OWNER ${name}`);
    await postgres.sql(`REVOKE CONNECT ON DATABASE db_${name} FROM PUBLIC`);
  }

  function args(name: string, plain: Partial<Plain> = {}): ApplicationArgs {
    return {
      host: {
        url: host.url,
        account: host.account,
        password: pulumi.secret(host.password),
        encryptionKey: pulumi.secret(host.encryptionKey),
      },
      name,
      title: plain.title ?? `Title of ${name}`,
      cname: "cname" in plain ? plain.cname : `${name}.localhost`,
      startMode: plain.startMode ?? "auto",
      state: plain.state ?? "running",
      database: {
        host: "127.0.0.1",
        port: postgres.port,
        name: plain.databaseName ?? `db_${name}`,
        user: name,
        password: pulumi.secret(plain.databasePassword ?? `database password of ${name}`),
      },
      jwtSecret: pulumi.secret(`jwt secret of ${name}, long enough`),
      rootEmail: `root@${name}.test`,
      rootNickname: `Root of ${name}`,
      rootPassword: pulumi.secret(plain.rootPassword ?? `root password of ${name}`),
    };
  }

  function program(apps: Record<string, Partial<Plain>>): () => Promise<void> {
    return () => {
      for (const [name, plain] of Object.entries(apps)) {
        new Application(name, args(name, plain), plain.importId ? { import: plain.importId } : {});
      }
      return Promise.resolve();
    };
  }

  async function project(apps: Record<string, Partial<Plain>>): Promise<TestProject> {
    const made = await createProject({ program: program(apps), providers: { nocobase: PROVIDER } });
    cleanups.unshift(() => made.dispose());
    return made;
  }

  const root = (name: string, password = `root password of ${name}`) =>
    new Session({ url: host.url, account: `root@${name}.test`, password }, name);

  const health = async (name: string) => (await applicationHealth(host.session(), name)).ok;

  /** Message of a failed operation, as a user would read it. */
  async function failure(operation: Promise<unknown>): Promise<string> {
    const error = await operation.then(
      () => assert.fail("it should have failed"),
      (reason: unknown) => reason as Error,
    );
    return error.message;
  }

  describe("two applications from the start", () => {
    let fleet: TestProject;

    it("are created side by side, each on its database, and answer", async () => {
      await Promise.all([database("crm"), database("shop")]);
      fleet = await project({ crm: {}, shop: {} });
      const { steps } = await fleet.up();
      assert.deepEqual(steps.map(({ op, name }) => [op, name]).sort(), [
        ["create", "crm"],
        ["create", "shop"],
      ]);
      for (const name of ["crm", "shop"]) {
        assert.ok(await health(name), name);
        const [row] = await postgres.sql("SELECT count(*)::int AS n FROM users", [], {
          database: `db_${name}`,
        });
        assert.equal(row!.n, 1, name);
      }
      const { outputs } = await fleet.resource("crm");
      assert.equal(outputs!.url, `${host.url}/apps/crm/`);
    });

    it("have root users of their own; the host's credentials and token are refused", async () => {
      for (const name of ["crm", "shop"]) {
        assert.ok(await canSignIn(root(name)), name);
        assert.ok(!(await canSignIn(host.session(name))), name);
      }
      const { token } = await host.session().signIn();
      const reply = await fetch(`${host.url}/api/__app/crm/users:list`, {
        headers: { Authorization: `Bearer ${token}` },
      });
      assert.equal(reply.status, 401);
      const [user] = await postgres.sql("SELECT email, nickname FROM users", [], { database: "db_crm" });
      assert.deepEqual(user, { email: "root@crm.test", nickname: "Root of crm" });
    });

    it("keep their uploads apart, and files come back", async () => {
      const { token } = await root("crm").signIn();
      const form = new FormData();
      form.append("file", new Blob(["hello"], { type: "text/plain" }), "hello.txt");
      const headers = { Authorization: `Bearer ${token}` };
      const sent = await fetch(`${host.url}/api/__app/crm/attachments:create`, {
        method: "POST",
        headers,
        body: form,
      });
      const { data } = (await sent.json()) as { data: { path: string; url: string } };
      assert.equal(data.path, "crm");
      assert.equal(await (await fetch(host.url + data.url, { headers })).text(), "hello");
    });

    it("keep passwords and keys out of state and NocoBase's tables", async () => {
      const [row] = await postgres.sql("SELECT options::text FROM applications WHERE name = 'crm'", [], {
        database: "host",
      });
      assert.ok(!String(row!.options).includes("database password of crm"));
      const state = await fleet.stateText();
      for (const word of ["password of", "jwt secret of", host.password, host.encryptionKey]) {
        assert.ok(!state.includes(word), word);
      }
    });

    it("need nothing when nothing changed", async () => {
      assert.deepEqual((await fleet.preview()).steps, []);
      assert.deepEqual((await fleet.up()).steps, []);
    });

    it("take over a new title and custom domain in place, without a restart", async () => {
      fleet.change({
        program: program({ crm: { title: "Customers", cname: "customers.localhost" }, shop: {} }),
      });
      const { steps } = await fleet.up();
      assert.deepEqual(
        steps.map(({ op, name, diff }) => [op, name, Object.keys(diff).sort()]),
        [["update", "crm", ["cname", "title"]]],
      );
      const live = await findApplication(host.session(), "crm");
      assert.equal(live!.displayName, "Customers");
      assert.equal(live!.options!.authManager!.jwt!.secret, "jwt secret of crm, long enough");
      const byName = await fetch(`${host.url}/api/auth:signIn`, {
        method: "POST",
        headers: { "X-Hostname": "customers.localhost", "Content-Type": "application/json" },
        body: JSON.stringify({ account: "root@crm.test", password: "root password of crm" }),
      });
      assert.equal(byName.status, 200);
    });

    it("stop, stay stopped, and start again", async () => {
      fleet.change({ program: program({ crm: { state: "stopped" }, shop: {} }) });
      await fleet.up();
      assert.deepEqual(await host.states(), { crm: "stopped", shop: "running" });
      assert.deepEqual((await fleet.preview()).steps, []);
      assert.deepEqual(await host.states(), { crm: "stopped", shop: "running" });
      fleet.change({ program: program({ crm: {}, shop: {} }) });
      await fleet.up();
      assert.ok(await health("crm"));
    });

    it("get another root password with the old one from the state", async () => {
      fleet.change({ program: program({ crm: { rootPassword: "second root password" }, shop: {} }) });
      const { steps } = await fleet.up();
      assert.deepEqual(
        steps.map(({ op, diff }) => [op, diff]),
        [["update", { rootPassword: "update" }]],
      );
      assert.ok(await canSignIn(root("crm", "second root password")));
      assert.ok(!(await canSignIn(root("crm"))));
      fleet.change({ program: program({ crm: {}, shop: {} }) });
      await fleet.up();
    });

    it("are repaired by an unchanged up when stopped by hand", async () => {
      await stopApplication(host.session(), "crm");
      await until(async () => ((await host.states()).crm === "stopped" ? true : undefined), {
        everyMs: 100,
        limitMs: 20_000,
      });
      const { steps } = await fleet.preview();
      assert.deepEqual(
        steps.map(({ op, name }) => [op, name]),
        [["update", "crm"]],
      );
      const { stdout } = await fleet.up();
      assert.match(stdout, /crm is declared running, but http:\S+ says stopped: an update repairs it/);
      assert.ok(await health("crm"));
      assert.deepEqual((await fleet.preview()).steps, []);
    });

    it("show changes made by hand in a refresh, and up takes them back", async () => {
      const live = await findApplication(host.session(), "crm");
      await updateApplication(host.session(), {
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
      const now = await findApplication(host.session(), "crm");
      assert.deepEqual([now!.displayName, now!.cname], ["Title of crm", "crm.localhost"]);
      assert.equal(now!.options!.autoStart, true);
    });

    it("are registered again on the same data when someone took one out", async () => {
      await stopApplication(host.session(), "shop");
      await destroyApplication(host.session(), "shop");
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
      assert.ok(await canSignIn(root("shop")));
    });

    it("preview without the host, and a refresh then leaves the state as it is", async () => {
      await host.halt();
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
        await host.run();
      }
    });

    it("go, and leave their databases", async () => {
      await fleet.destroy();
      assert.deepEqual(await host.states(), {});
      const rows = await postgres.sql("SELECT count(*)::int AS n FROM users", [], { database: "db_crm" });
      assert.equal(rows[0]!.n, 1);
    });
  });

  describe("databases", () => {
    it("a wrong password is PostgreSQL's own error at once, and nothing is registered", async () => {
      await database("badpass");
      const fleet = await project({ badpass: { databasePassword: "wrong" } });
      const message = await failure(fleet.up());
      assert.match(message, /password authentication failed for user "badpass" \(28P01\)/);
      assert.match(message, /application badpass can't use its database db_badpass/);
      assert.ok(!message.includes("    at "), "no stack trace");
      assert.equal((await host.states()).badpass, undefined);
      fleet.change({ program: program({ badpass: {} }) });
      await fleet.up();
      assert.ok(await health("badpass"));

      fleet.change({ program: program({ badpass: { databasePassword: "wrong again" } }) });
      assert.match(await failure(fleet.up()), /28P01/);
      assert.ok(await health("badpass"), "goes on with the old password");
      await postgres.sql("ALTER ROLE badpass PASSWORD 'wrong again'");
      await fleet.up();
      assert.ok(await health("badpass"));
      await fleet.destroy();
    });

    it("NocoBase's own error is passed on, the state kept, and the next up repairs it", async () => {
      await postgres.sql("CREATE ROLE guest LOGIN PASSWORD 'database password of guest'");
      await postgres.sql("CREATE DATABASE db_guest");
      const fleet = await project({ guest: {} });
      const message = await failure(fleet.up());
      assert.match(message, /application guest: permission denied for (database db_guest|schema public)/);
      assert.ok(await fleet.resource("guest"));
      assert.deepEqual((await host.states()).guest, "error");
      await postgres.sql("ALTER DATABASE db_guest OWNER TO guest");
      const { steps } = await fleet.up();
      assert.deepEqual(
        steps.map(({ op, name }) => [op, name]),
        [["update", "guest"]],
      );
      assert.ok(await canSignIn(root("guest")));
      await fleet.destroy();
    });

    it("another database is another application: the old one goes first", async () => {
      await database("mover");
      await postgres.sql("CREATE DATABASE db_mover2 OWNER mover");
      const fleet = await project({ mover: {} });
      await fleet.up();
      fleet.change({ program: program({ mover: { databaseName: "db_mover2" } }) });
      const { steps } = await fleet.up();
      assert.deepEqual(
        steps.map(({ op }) => op).filter((op) => op !== "replace"),
        ["delete-replaced", "create-replacement"],
      );
      assert.ok(await canSignIn(root("mover")));
      await fleet.destroy();
    });
  });

  it("a stopped application is installed once, then stopped, and starts with its own root user", async () => {
    await database("asleep");
    const fleet = await project({ asleep: { state: "stopped" } });
    await fleet.up();
    assert.equal((await host.states()).asleep, "stopped");
    const [user] = await postgres.sql("SELECT email FROM users", [], { database: "db_asleep" });
    assert.equal(user!.email, "root@asleep.test");
    fleet.change({ program: program({ asleep: {} }) });
    await fleet.up();
    assert.ok(await canSignIn(root("asleep")));
    await fleet.destroy();
  });

  it("an application of someone else keeps its name and stays untouched", async () => {
    await database("theirs");
    await postgres.sql("CREATE DATABASE db_other OWNER theirs");
    await createApplication(host.session(), {
      name: "theirs",
      displayName: "Theirs",
      cname: null,
      options: {
        dbConnType: "new_connection",
        database: {
          dialect: "postgres",
          host: "127.0.0.1",
          port: postgres.port,
          username: "theirs",
          password: "database password of theirs",
          database: "db_other",
          schema: "public",
        },
      },
    });
    const fleet = await project({ theirs: {} });
    const message = await failure(fleet.up());
    assert.match(
      message,
      /already has an application theirs, which uses database db_other on 127\.0\.0\.1:\d+/,
    );
    assert.equal((await findApplication(host.session(), "theirs"))!.displayName, "Theirs");
    await destroyApplication(host.session(), "theirs");
  });

  it("is imported by its address, and the next up has nothing left to do after it", async () => {
    await database("adopted");
    const maker = await project({ adopted: {} });
    await maker.up();
    const env = { NOCOBASE_ACCOUNT: host.account, NOCOBASE_PASSWORD: host.password };
    const importId = `${host.url}/apps/adopted/`;
    const fleet = await project({ adopted: { importId } });
    fleet.change({ env });
    const { steps } = await fleet.up();
    assert.deepEqual(
      steps.map(({ op, name }) => [op, name]),
      [["import", "adopted"]],
    );
    const state = await fleet.stateText();
    assert.ok(!state.includes("password of"), "no secret in the clear");
    fleet.change({ program: program({ adopted: {} }) });
    await fleet.up();
    assert.deepEqual((await fleet.preview()).steps, []);
    await fleet.destroy();
    assert.equal((await host.states()).adopted, undefined);
  });

  for (const [moment, reached] of [
    ["just registered", (state?: string) => state !== undefined],
    ["in the middle of its installation", (state?: string) => state === "commanding"],
    ["just running", (state?: string) => state === "running"],
  ] as const) {
    it(`an engine killed with the application ${moment} leaves nothing the next up can't finish`, async () => {
      const name = `killed${moment.split(" ").at(-1)!}`;
      await database(name);
      const fleet = await project({ [name]: {} });
      const killed = fleet.up().then(
        () => "finished",
        () => "killed",
      );
      await until(async () => (reached((await host.states())[name]) ? true : undefined), {
        everyMs: 50,
        limitMs: MINUTE,
      });
      for (const pid of await processesIn(fleet.folder)) process.kill(pid, "SIGKILL");
      assert.equal(await killed, "killed");
      await fleet.pulumi("cancel", "--yes");
      await fleet.up();
      assert.ok(await canSignIn(root(name)));
      assert.ok(!(await canSignIn(host.session(name))));
      assert.deepEqual((await fleet.preview()).steps, []);
      const [{ n }] = (await postgres.sql("SELECT count(*)::int AS n FROM users", [], {
        database: `db_${name}`,
      })) as [{ n: number }];
      assert.equal(n, 1);
      await fleet.destroy();
    });
  }

  it("NocoBase's refusals arrive in its own words", async () => {
    await assert.rejects(
      () => host.session().call("POST", "applications:create", { body: { name: "x.y" } }),
      (error: unknown) => error instanceof NocoBaseError && /can only include/.test(error.message),
    );
  });
});
