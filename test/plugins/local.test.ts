/** The nocobase-local provider through the real engine: real PostgreSQL, real NocoBase, real processes. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import type { Input, Resource } from "@pulumi/pulumi";
import { secret } from "@pulumi/pulumi";
import { Client } from "pg";
import { Session } from "../../providers/nocobase/client";
import * as local from "../../providers/local/resources";
import { observeUnits } from "../../providers/local/supervisor/client";
import { findDumpTools } from "../../providers/local/postgres/binaries";
import { isAlive } from "../../providers/local/support/processes";
import { freePort } from "../support/ports";
import { skipBecause } from "../support/skip";
import { createProject, type TestProject } from "./support/engine";

const PROVIDER = path.resolve(__dirname, "../../providers/local");
const ADMIN_PASSWORD = "admin-pass-of-tests";
const DATABASE_PASSWORD = "role:pass\\of tests";
const ROOT_PASSWORD = "root-pass-of-tests";
const AES_KEY = "a1".repeat(32);

interface Fleet {
  root: string;
  ports: { postgres: number; instance: number; gateway: number };
  project: TestProject;
}

async function createFleet(program: (fleet: Fleet) => Promise<void>): Promise<Fleet> {
  // PostgreSQL's OS user must be able to pass through it.
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "fleet-local-")));
  fs.chmodSync(folder, 0o755);
  const ports = { postgres: await freePort(), instance: await freePort(), gateway: await freePort() };
  const fleet = { root: path.join(folder, "root"), ports } as Fleet;
  fleet.project = await createProject({
    program: () => program(fleet),
    providers: { "nocobase-local": PROVIDER },
  });
  return fleet;
}

async function dispose(fleet: Fleet): Promise<void> {
  await fleet.project.dispose();
  for (const unit of await observeUnits(fleet.root)) {
    assert.equal(unit.pid, undefined, `${unit.definition.name} was left running`);
  }
  fs.rmSync(path.dirname(fleet.root), { recursive: true, force: true });
}

async function pidOf(fleet: Fleet, name: string): Promise<number | undefined> {
  return (await observeUnits(fleet.root)).find((unit) => unit.definition.name === name)?.pid;
}

async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const limit = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > limit) assert.fail(`not within 60 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function query<Row>(port: number, sql: string, database = "postgres"): Promise<Row[]> {
  const client = new Client({ host: "127.0.0.1", port, user: "admin", password: ADMIN_PASSWORD, database });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
}

function postgres(fleet: Fleet, provider: local.Provider, port = fleet.ports.postgres): local.PostgresServer {
  const args = {
    name: "postgres-main",
    port,
    adminUser: "admin",
    adminPassword: secret(ADMIN_PASSWORD),
    maxConnections: 50,
  };
  return new local.PostgresServer("main", args, { provider });
}

describe("nocobase-local: PostgresServer", function () {
  this.timeout(120_000);
  let fleet: Fleet;
  let port: number | undefined;

  before(async () => {
    fleet = await createFleet((each) => {
      postgres(each, new local.Provider("local", { root: each.root }), port);
      return Promise.resolve();
    });
  });

  after(async () => {
    await fleet.project.destroy();
    await dispose(fleet);
  });

  it("refuses a port that another process holds, and says who and what to do", async () => {
    const foreign = net.createServer().listen(fleet.ports.postgres, "127.0.0.1");
    await assert.rejects(fleet.project.up(), (error: Error) => {
      assert.match(
        error.message,
        new RegExp(
          `Port ${fleet.ports.postgres} on 127.0.0.1, wanted by postgres-main, is in use by process ${process.pid} `,
        ),
      );
      assert.match(error.message, /`port` in the stack file/);
      return true;
    });
    await new Promise((resolve) => foreign.close(resolve));
  });

  it("makes a server that answers with its password only", async () => {
    await fleet.project.up();
    const state = await fleet.project.resource("main");
    assert.match(String(state.outputs?.version), /^\d+\./);
    assert.ok(!(await fleet.project.stateText()).includes(ADMIN_PASSWORD));
    const [row] = await query<{ password_encryption: string }>(
      fleet.ports.postgres,
      "SHOW password_encryption",
    );
    assert.equal(row?.password_encryption, "scram-sha-256");
    const wrong = new Client({
      host: "127.0.0.1",
      port: fleet.ports.postgres,
      user: "admin",
      password: "wrong",
      database: "postgres",
    });
    await assert.rejects(wrong.connect(), /password authentication failed/);
    const names = fs.readdirSync(path.join(fleet.root, "postgres-main"));
    assert.deepEqual(
      names.filter((name) => /partial|password/.test(name)),
      [],
      "nothing half-made, no password file",
    );
    assert.deepEqual((await fleet.project.preview()).steps, []);
  });

  it("comes back after a crash with its data", async () => {
    await query(fleet.ports.postgres, "CREATE TABLE kept AS SELECT 42 AS n");
    const pid = await pidOf(fleet, "postgres-main");
    process.kill(pid!, "SIGKILL");
    await until("restart", async () => {
      const unit = (await observeUnits(fleet.root))[0];
      return unit?.state.phase === "running" && unit.pid !== pid;
    });
    assert.deepEqual(await query(fleet.ports.postgres, "SELECT n FROM kept"), [{ n: 42 }]);
  });

  it("is repaired by an unchanged up after a reboot", async () => {
    const [unit] = await observeUnits(fleet.root);
    const [daemon] = fs.readdirSync("/proc").filter((each) => {
      if (!/^\d+$/.test(each)) return false;
      const command = fs.existsSync(`/proc/${each}/cmdline`)
        ? fs.readFileSync(`/proc/${each}/cmdline`, "utf8")
        : "";
      return command.includes("supervisor/main.cjs") && command.includes(fleet.root);
    });
    process.kill(Number(daemon), "SIGKILL");
    process.kill(unit!.pid!, "SIGKILL");
    await until("both gone", () => !isAlive(unit!.state.process) && !fs.existsSync(`/proc/${daemon}/fd`));
    const preview = await fleet.project.preview();
    assert.deepEqual(
      preview.steps.map(({ op, name, diff }) => ({ op, name, diff })),
      [{ op: "update", name: "main", diff: { running: "update" } }],
    );
    await fleet.project.up();
    assert.deepEqual(await query(fleet.ports.postgres, "SELECT n FROM kept"), [{ n: 42 }]);
    assert.deepEqual((await fleet.project.preview()).steps, []);
  });

  it("moves to another port in place", async () => {
    port = await freePort();
    const { steps } = await fleet.project.up();
    assert.deepEqual(
      steps.map(({ op }) => op),
      ["update"],
    );
    assert.deepEqual(await query(port, "SELECT n FROM kept"), [{ n: 42 }]);
  });

  it("is not removed while it holds databases", async () => {
    await query(port!, "CREATE DATABASE precious");
    await assert.rejects(fleet.project.destroy(), /still holds the databases precious, so it is not removed/);
    assert.deepEqual(await query(port!, "SELECT n FROM kept"), [{ n: 42 }]);
    await query(port!, "DROP DATABASE precious");
    await fleet.project.destroy();
    assert.equal(fs.existsSync(path.join(fleet.root, "postgres-main")), false);
    assert.deepEqual(await observeUnits(fleet.root), []);
  });
});

describe("nocobase-local: Instance, AppFiles, Gateway", function () {
  this.timeout(240_000);
  let fleet: Fleet;
  let session: Session;
  const canDump = findDumpTools() !== undefined;
  const shape = {
    app: false,
    instance: "app-erp",
    state: "running" as "running" | "stopped",
    deletion: canDump ? "backup" : ("retain" as "backup" | "retain"),
    rootPassword: ROOT_PASSWORD,
  };

  function program(each: Fleet): Promise<void> {
    const provider = new local.Provider("local", { root: each.root });
    const server = postgres(each, provider);
    if (!shape.app) return Promise.resolve();
    const release = new local.Release("release", { version: "2.2.15" }, { provider });
    const database = {
      host: server.host,
      port: server.port,
      name: "erp",
      user: "erp",
      password: secret(DATABASE_PASSWORD),
    };
    const placed = { key: "erp", name: "app-erp", instance: shape.instance, appName: "main" };
    const { deletion } = shape;
    const files = new local.AppFiles(
      "files",
      { ...placed, aesKey: secret(AES_KEY), deletion, database },
      { provider },
    );
    const instance = new local.Instance(
      "erp",
      {
        name: shape.instance,
        key: "erp",
        title: "ERP",
        release: release.version,
        host: "127.0.0.1",
        port: each.ports.instance,
        database,
        state: shape.state,
        env: {
          NODE_ENV: "production",
          APP_ENV: "production",
          TZ: "UTC",
          SKIP_SAME_VERSION_UPGRADE: "true",
          INIT_ROOT_EMAIL: "root@example.com",
        },
        secretEnv: secret({ APP_KEY: "app-key-of-tests-0123456789", INIT_ROOT_PASSWORD: ROOT_PASSWORD }),
        hostsApps: true,
        rootEmail: "root@example.com",
        rootPassword: secret(shape.rootPassword),
      },
      { provider, dependsOn: files, deleteBeforeReplace: true },
    );
    gateway(each, provider, instance.url, [instance]);
    return Promise.resolve();
  }

  function gateway(
    each: Fleet,
    provider: local.Provider,
    target: Input<string>,
    dependsOn: Resource[],
  ): void {
    const route = {
      key: "erp",
      kind: "app" as const,
      title: "ERP",
      isolation: "dedicated" as const,
      hosts: ["erp.localhost"],
    };
    new local.Gateway(
      "gateway",
      {
        host: "127.0.0.1",
        port: each.ports.gateway,
        domain: "localhost",
        uploadLimitMiB: 10,
        routes: [{ ...route, target, state: shape.state }],
      },
      { provider, dependsOn },
    );
  }

  async function upload(text: string): Promise<{ url: string; path: string; id: number }> {
    const form = new FormData();
    form.append("file", new Blob([text], { type: "text/plain" }), "note.txt");
    const { token } = await signIn(shape.rootPassword);
    const response = await fetch(`${session.url}/api/attachments:create`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "X-Authenticator": "basic" },
      body: form,
    });
    assert.equal(response.status, 200, await response.clone().text());
    return ((await response.json()) as { data: { url: string; path: string; id: number } }).data;
  }

  async function signIn(password: string): Promise<{ token: string }> {
    const response = await fetch(`${session.url}/api/auth:signIn`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Authenticator": "basic" },
      body: JSON.stringify({ account: "root@example.com", password }),
    });
    assert.equal(response.status, 200);
    return ((await response.json()) as { data: { token: string } }).data;
  }

  async function download(url: string): Promise<string> {
    const { token } = await signIn(shape.rootPassword);
    const response = await fetch(new URL(url, session.url), {
      headers: { Authorization: `Bearer ${token}` },
    });
    assert.equal(response.status, 200, url);
    return await response.text();
  }

  before(async () => {
    fleet = await createFleet(program);
    session = new Session({
      url: `http://127.0.0.1:${fleet.ports.instance}`,
      account: "root@example.com",
      password: ROOT_PASSWORD,
    });
    await fleet.project.up();
    await query(fleet.ports.postgres, `CREATE ROLE erp LOGIN PASSWORD '${DATABASE_PASSWORD}'`);
    await query(fleet.ports.postgres, "CREATE DATABASE erp OWNER erp");
    shape.app = true;
  });

  after(async () => {
    shape.deletion = "retain";
    await fleet.project.destroy().catch(async () => {
      await query(fleet.ports.postgres, "DROP DATABASE IF EXISTS erp WITH (FORCE)");
      await fleet.project.destroy();
    });
    await dispose(fleet);
  });

  it("brings up an app that answers, hosts apps and is left alone by a second up", async () => {
    await fleet.project.up();
    const health = await fetch(`${session.url}/api/__health_check`);
    assert.equal(health.status, 200);
    await session.call("GET", "applications:list");
    const page = await fetch(`http://127.0.0.1:${fleet.ports.gateway}/api/__health_check`, {
      headers: { host: "erp.localhost" },
    }).catch((error: unknown) => error);
    assert.ok(page instanceof Response);
    const pid = await pidOf(fleet, "app-erp");
    const { steps } = await fleet.project.up();
    assert.deepEqual(steps, []);
    assert.equal(await pidOf(fleet, "app-erp"), pid);
  });

  it("keeps secrets out of arguments, unit files, logs and state", async () => {
    const pid = await pidOf(fleet, "app-erp");
    const texts = [
      fs.readFileSync(`/proc/${pid}/cmdline`, "utf8"),
      await fleet.project.stateText(),
      ...["logs", "supervisor/units", "supervisor/state"].flatMap((folder) =>
        fs
          .readdirSync(path.join(fleet.root, folder))
          .map((file) => fs.readFileSync(path.join(fleet.root, folder, file), "utf8")),
      ),
    ];
    for (const text of texts) {
      for (const each of [ADMIN_PASSWORD, DATABASE_PASSWORD, ROOT_PASSWORD, AES_KEY, "app-key-of-tests"]) {
        assert.ok(!text.includes(each), text.slice(0, 200));
      }
    }
    const envFile = path.join(fleet.root, "supervisor/env/app-erp.json");
    assert.equal(fs.statSync(envFile).mode & 0o777, 0o600);
  });

  it("keeps uploads in the app's own folder, also when the app moves to another instance", async () => {
    const file = await upload("hello fleet");
    assert.equal(file.path, "erp");
    assert.equal(await download(file.url), "hello fleet");
    const uploads = path.join(fleet.root, "files/app-erp/uploads");
    const [logo, ...stored] = fs
      .readdirSync(uploads)
      .sort((a, b) => Number(/^logo/.test(b)) - Number(/^logo/.test(a)));
    assert.match(logo!, /^logo-\w+\.png$/);
    assert.equal(stored.length, 1);
    assert.equal(fs.readFileSync(path.join(uploads, stored[0]!), "utf8"), "hello fleet");
    shape.instance = "app-erp2";
    const { steps } = await fleet.project.up();
    assert.deepEqual(steps.map(({ op, name }) => `${op} ${name}`).sort(), [
      "create-replacement erp",
      "delete-replaced erp",
      "replace erp",
      "update files",
    ]);
    assert.equal(fs.existsSync(path.join(fleet.root, "app-erp")), false);
    assert.equal(await download(file.url), "hello fleet");
  });

  it("stops and starts, and takes over a new root password", async () => {
    shape.state = "stopped";
    await fleet.project.up();
    assert.equal(await pidOf(fleet, "app-erp2"), undefined);
    shape.state = "running";
    await fleet.project.up();
    shape.rootPassword = "another-root-pass";
    await fleet.project.up();
    assert.ok((await signIn(shape.rootPassword)).token);
    assert.deepEqual((await fleet.project.preview()).steps, []);
  });

  it("leaves with a dump that can be restored and an archive of its files", async function () {
    if (!canDump) skipBecause(this, "this machine has no pg_dump");
    shape.app = false;
    const { stdout } = await fleet.project.up();
    const folder = /Backup of erp: (\S+)/.exec(stdout)?.[1];
    assert.ok(folder, stdout);
    const manifest = JSON.parse(fs.readFileSync(path.join(folder, "manifest.json"), "utf8")) as {
      tables: number;
    };
    await query(fleet.ports.postgres, "CREATE DATABASE restored");
    const address = ["-h", "127.0.0.1", "-p", String(fleet.ports.postgres), "-U", "admin", "-d", "restored"];
    const restore = [...address, "--no-owner", "--exit-on-error", path.join(folder, "database.dump")];
    execFileSync(findDumpTools()!.pgRestore, restore, { env: { PGPASSWORD: ADMIN_PASSWORD } });
    const count = "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'";
    assert.deepEqual(await query(fleet.ports.postgres, count, "restored"), [{ n: manifest.tables }]);
    await query(fleet.ports.postgres, "DROP DATABASE restored");
    assert.ok(manifest.tables > 90);
    assert.ok(
      execFileSync("tar", ["-tzf", path.join(folder, "files.tar.gz")], { encoding: "utf8" }).includes(
        "uploads/note",
      ),
    );
    for (const file of fs.readdirSync(folder))
      assert.equal(fs.statSync(path.join(folder, file)).mode & 0o777, 0o600);
    assert.deepEqual(fs.readdirSync(folder).sort(), ["database.dump", "files.tar.gz", "manifest.json"]);
    assert.equal(fs.existsSync(path.join(fleet.root, "files/app-erp")), false);
    assert.equal(await pidOf(fleet, "gateway"), undefined);
  });
});
