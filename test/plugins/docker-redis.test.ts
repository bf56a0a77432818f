/** Redis for NocoBase's own supervisor: the image of Debian's packages, run as fleets run it. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { buildImages } from "../../platforms/docker/images/build";
import { REDIS_VOLUME } from "../../platforms/docker/images/recipes";
import { redisConfiguration } from "../../platforms/docker/redis";
import { archiveOf } from "../../providers/docker/volume/archive";
import { NoDocker, type TestDocker } from "../support/dockerd";
import { ensureMmdebstrap } from "../support/mmdebstrap";
import { skipBecause } from "../support/skip";
import { startDocker } from "./support/docker-stack";

const PASSWORD = "aPasswordOfTests";
const CONFIG = "/run/fleet";
const USER = 999;

describe("Redis from Debian's packages", function () {
  this.timeout(300_000);
  let server: TestDocker;

  before(async function () {
    server = await startDocker(this);
    const missing = await ensureMmdebstrap();
    if (missing !== undefined) skipBecause(this, missing);
    const [image] = await buildImages({ docker: server.docker, release: "2.2.15", only: ["redis"] });
    if (!image) throw new NoDocker("no image was built");
    const container = await server.docker.createContainer({
      name: "redis",
      Image: image.tag,
      Cmd: ["redis-server", `${CONFIG}/redis.conf`],
      User: `${USER}:${USER}`,
      HostConfig: {
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges:true"],
        Tmpfs: { "/tmp": "rw,nosuid,nodev,noexec,size=16m" },
        Binds: [`redis-data:${REDIS_VOLUME}`, `redis-config:${CONFIG}`],
        NetworkMode: "none",
        Memory: 256 * 1024 ** 2,
      },
    });
    const content = redisConfiguration(PASSWORD, REDIS_VOLUME);
    const archive = await archiveOf([{ path: "redis.conf", content, owner: USER, mode: 0o400 }]);
    await container.putArchive(archive, { path: CONFIG });
    await container.start();
    const end = Date.now() + 60_000;
    while (!/PONG|NOAUTH/.test(await ask("ping"))) {
      assert.ok(Date.now() < end, `Redis says ${(await container.logs({ stdout: true })).toString()}`);
      await sleep(100);
    }
  });
  after(async () => {
    if (server as TestDocker | undefined) await server.stop();
  });

  /** What `redis-cli ARGS` prints in the container. */
  async function ask(...args: string[]): Promise<string> {
    const exec = await server.docker.getContainer("redis").exec({
      Cmd: ["redis-cli", "-h", "127.0.0.1", ...args],
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
    });
    const stream = await exec.start({ Tty: true });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }

  it("refuses whoever has no password or another one", async () => {
    assert.match(await ask("set", "key", "value"), /NOAUTH/);
    assert.match(await ask("-a", "another", "--no-auth-warning", "get", "key"), /WRONGPASS|NOAUTH/);
  });

  it("serves whoever has it, and keeps what it was told over a restart", async () => {
    const own = ["-a", PASSWORD, "--no-auth-warning"];
    assert.match(await ask(...own, "set", "key", "value"), /OK/);
    await server.docker.getContainer("redis").restart();
    for (const end = Date.now() + 60_000; !(await ask(...own, "get", "key")).includes("value");) {
      assert.ok(Date.now() < end, "the value is gone");
      await sleep(100);
    }
  });

  it("shows its password neither in its environment nor in its arguments", async () => {
    const container = server.docker.getContainer("redis");
    const shown = JSON.stringify([await container.inspect(), await container.top()]);
    assert.ok(!shown.includes(PASSWORD));
  });
});
