/** Images built from package registries alone, each run as hardened as fleets run them. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerCreateOptions, HostConfig } from "dockerode";
import { imageArchive } from "../../platforms/docker/images/archive";
import { buildImages, imageTag, type BuiltImage } from "../../platforms/docker/images/build";
import { NOCOBASE_STORAGE, POSTGRES_VOLUME, recipes } from "../../platforms/docker/images/recipes";
import type { TestDocker } from "../support/dockerd";
import { ensureMmdebstrap } from "../support/mmdebstrap";
import { skipBecause } from "../support/skip";
import { startDocker } from "./support/docker-stack";

const RELEASE = "2.2.15";
const PASSWORD = "a-password-of-tests";

describe("images from package registries alone", function () {
  this.timeout(600_000);
  let server: TestDocker;
  let images: BuiltImage[];
  const undone: (() => Promise<void>)[] = [];

  before(async function () {
    server = await startDocker(this);
    undone.push(() => server.stop());
    const missing = await ensureMmdebstrap();
    if (missing !== undefined) skipBecause(this, missing);
    images = await buildImages({ docker: server.docker, release: RELEASE });
    await server.docker.createNetwork({ Name: "images" });
  });
  after(async () => {
    for (const undo of undone.reverse()) await undo();
  });

  const tagOf = (name: string): string => images.find((image) => image.name === name)?.tag ?? "";

  /** Read-only root, no capabilities, no way to new ones. */
  async function start(name: string, options: ContainerCreateOptions & { volume: string; port?: number }) {
    const { volume, port, ...more } = options;
    const host: HostConfig = {
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true"],
      Tmpfs: { "/tmp": "rw,nosuid,nodev,noexec,size=64m" },
      Binds: [`images-${name}:${volume}`],
      NetworkMode: "images",
      Memory: 1024 ** 3,
      PidsLimit: 200,
      ...(port ? { PortBindings: { [`${port}/tcp`]: [{ HostIp: "127.0.0.1", HostPort: "" }] } } : {}),
    };
    const exposed = port ? { [`${port}/tcp`]: {} } : {};
    const made = await server.docker.createContainer({
      name,
      Image: tagOf(name),
      ExposedPorts: exposed,
      HostConfig: host,
      ...more,
    });
    await made.start();
    return made;
  }

  async function until(what: string, name: string, isTrue: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + 180_000;
    while (!(await isTrue().catch(() => false))) {
      const made = server.docker.getContainer(name);
      const { State } = await made.inspect();
      if (State.Running && Date.now() < end) {
        await sleep(200);
        continue;
      }
      const log = (await made.logs({ stdout: true, stderr: true, tail: 20 })).toString();
      assert.fail(`${what} does not come to pass:\n${log}`);
    }
  }

  async function exec(name: string, ...command: string[]): Promise<{ code: number | null; output: string }> {
    const made = await server.docker
      .getContainer(name)
      .exec({ Cmd: command, AttachStdout: true, AttachStderr: true, Env: [`PGPASSWORD=${PASSWORD}`] });
    const stream = await made.start({});
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return { code: (await made.inspect()).ExitCode, output: Buffer.concat(chunks).toString() };
  }

  async function addressOf(name: string, port: number): Promise<string> {
    const { NetworkSettings } = await server.docker.getContainer(name).inspect();
    return `http://127.0.0.1:${NetworkSettings.Ports[`${port}/tcp`]?.[0]?.HostPort ?? ""}`;
  }

  /** HTTP status; an address that takes no connection must not hold up the test. */
  async function statusOf(url: string): Promise<number> {
    return (await fetch(url, { signal: AbortSignal.timeout(5000) })).status;
  }

  it("have names that say what went in, and are built once", async () => {
    assert.deepEqual(
      images.map(({ tag }) => tag),
      recipes(RELEASE).map(imageTag),
    );
    const again = await buildImages({ docker: server.docker, release: RELEASE });
    assert.deepEqual(again, images);
  });

  it("run as users without rights, and are small", async () => {
    const limits: Record<string, number> = { proxy: 64, redis: 64, postgres: 128, node: 160, nocobase: 800 };
    for (const { name, tag, bytes } of images) {
      const { Config } = await server.docker.getImage(tag).inspect();
      assert.match(Config.User, /^[1-9]\d*:[1-9]\d*$/);
      assert.ok(bytes < (limits[name] ?? 0) * 1024 ** 2, `${tag} has ${bytes} bytes`);
    }
  });

  it("come out the same, byte by byte, when they are built again", async () => {
    const [before] = images;
    const [after] = await buildImages({
      docker: server.docker,
      release: RELEASE,
      only: ["proxy"],
      fresh: true,
    });
    assert.deepEqual(after, before);
  });

  it("have an id that layers and configuration alone decide", () => {
    const [recipe] = recipes(RELEASE);
    const layer = { file: "/none", digest: `sha256:${"0".repeat(64)}`, bytes: 0 };
    assert.ok(recipe);
    const id = imageArchive(recipe, [layer], "a:1").id;
    assert.equal(imageArchive(recipe, [{ ...layer, file: "/other" }], "b:2").id, id);
    assert.notEqual(imageArchive(recipe, [{ ...layer, digest: `sha256:${"1".repeat(64)}` }], "a:1").id, id);
  });

  it("proxy: answers before it has a configuration of the fleet's", async () => {
    await start("proxy", { volume: "/data", port: 8080 });
    const address = await addressOf("proxy", 8080);
    await until(
      "an answer of the proxy",
      "proxy",
      async () => (await statusOf(`${address}/healthz`)) === 200,
    );
    assert.equal(await statusOf(address), 404);
  });

  it("postgres and nocobase: reach health together, and PostgreSQL comes back after a kill", async () => {
    await start("postgres", {
      volume: POSTGRES_VOLUME,
      Env: ["POSTGRES_USER=admin", `POSTGRES_PASSWORD=${PASSWORD}`],
    });
    const sql = (text: string) =>
      exec("postgres", "psql", "-h", "127.0.0.1", "-U", "admin", "-d", "postgres", "-Atc", text);
    await until("a PostgreSQL that answers", "postgres", async () => (await sql("SELECT 1")).code === 0);
    assert.match((await sql("SELECT count(*) > 400 FROM pg_timezone_names")).output, /t/);
    assert.equal((await sql("CREATE DATABASE app")).code, 0);
    await start("nocobase", {
      volume: NOCOBASE_STORAGE,
      port: 13000,
      Env: [
        "DB_DIALECT=postgres",
        "DB_HOST=postgres",
        "DB_PORT=5432",
        "DB_DATABASE=app",
        "DB_USER=admin",
        `DB_PASSWORD=${PASSWORD}`,
        `APP_KEY=${"0123456789abcdef".repeat(2)}`,
        "INIT_ROOT_EMAIL=root@example.com",
        `INIT_ROOT_PASSWORD=${PASSWORD}`,
        "INIT_ROOT_NICKNAME=Root",
        "INIT_ROOT_USERNAME=root",
      ],
    });
    const address = await addressOf("nocobase", 13000);
    await until(
      "a healthy NocoBase",
      "nocobase",
      async () => (await statusOf(`${address}/api/__health_check`)) === 200,
    );
    assert.equal(await statusOf(`${address}/admin/`), 200);
    assert.equal((await exec("nocobase", "pg_dump", "--version")).code, 0, "backups need it");
    const plugin = "require.resolve('@nocobase-fleet/plugin-cluster/server')";
    assert.equal((await exec("nocobase", "node", "--eval", plugin)).code, 0, "replicas need it");
    // "null" as text: the client hands the daemon's answer on unread.
    const changes = String(await server.docker.getContainer("nocobase").changes()).trim();
    assert.equal(changes, "null", "the root was written to");
    await server.docker.getContainer("postgres").kill();
    await server.docker.getContainer("postgres").start();
    await until("a PostgreSQL that is back", "postgres", async () => (await sql("SELECT 1")).code === 0);
    assert.match((await sql("SELECT datname FROM pg_database WHERE datname = 'app'")).output, /app/);
  });
});
