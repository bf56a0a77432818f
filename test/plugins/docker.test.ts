/** The docker stand-in under the real engine, against a real daemon. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { TestDocker } from "../support/dockerd";
import { freePort } from "../support/ports";
import { MEBIBYTE, OWNER, SECRET, hardened, startDocker } from "./support/docker-stack";
import { createProject, standIn, type Step, type TestProject } from "./support/engine";
import { enginesIn } from "./support/nocobase-fleet";

const IMAGE = "fleet-test/small:latest";

describe("docker stand-in", function () {
  this.timeout(180_000);
  let server: TestDocker;
  let project: TestProject;
  let port: number;
  /** What is to be done in the end, in reverse order. */
  const undone: (() => Promise<void>)[] = [];
  /** What each test changes in the container. */
  let change: Partial<docker.ContainerArgs> = {};
  let imageName = IMAGE;

  const program = () => {
    const options = { provider: new docker.Provider("daemon", { host: server.host }) };
    const image = new docker.RemoteImage("image", { name: imageName, keepLocally: true }, options);
    const network = new docker.Network("network", { name: "fleet-net", labels: [OWNER] }, options);
    const volume = new docker.Volume("volume", { name: "fleet-vol", labels: [OWNER] }, options);
    const args = {
      ...hardened(image.imageId, port),
      networksAdvanced: [{ name: network.name, aliases: ["db", "app-1"] }],
      volumes: [{ volumeName: volume.name, containerPath: "/data" }],
      ...change,
    };
    const app = new docker.Container("app", args, options);
    return Promise.resolve({ id: app.id, ports: app.ports, image: image.imageId });
  };

  before(async function () {
    server = await startDocker(this);
    undone.push(() => server.stop());
    await server.smallImage("fleet-test/small");
    port = await freePort();
    project = await createProject({ program, plugins: [standIn("docker")] });
    undone.push(() => project.dispose());
  });
  after(async () => {
    for (const undo of undone.reverse()) await undo();
  });
  afterEach(() => {
    change = {};
    imageName = IMAGE;
  });

  const inspect = async (name = "app") => await server.docker.getContainer(name).inspect();
  const ops = (steps: readonly Step[]) => steps.map(({ op, name }) => `${op} ${name}`);

  it("makes network, volume, image and a hardened container as asked", async () => {
    assert.deepEqual(ops((await project.up()).steps).sort(), [
      "create app",
      "create image",
      "create network",
      "create volume",
    ]);
    const info = await inspect();
    const { HostConfig: host, Config: config, NetworkSettings: networks } = info;
    assert.equal(info.State.Health?.Status, "healthy");
    assert.equal(config.User, "1000:1000");
    assert.deepEqual(new Set(config.Env), new Set(["A=first", "MODE=test", `TOKEN=${SECRET}`]));
    assert.equal(host.ReadonlyRootfs, true);
    assert.deepEqual(host.CapDrop, ["ALL"]);
    assert.deepEqual(host.SecurityOpt, ["no-new-privileges:true"]);
    assert.equal(host.Memory, 64 * 1024 * 1024);
    assert.equal(host.MemorySwap, 64 * 1024 * 1024);
    assert.equal(host.NanoCpus, 5e8);
    assert.deepEqual(host.LogConfig, { Type: "json-file", Config: { "max-file": "2", "max-size": "1m" } });
    assert.deepEqual(Object.keys(networks.Networks), ["fleet-net"]);
    const aliases = (networks.Networks["fleet-net"] as { Aliases?: string[] } | undefined)?.Aliases ?? [];
    assert.ok(aliases.includes("db") && aliases.includes("app-1"), `aliases are ${aliases.join()}`);
    assert.deepEqual((host.PortBindings as Record<string, unknown>)["80/tcp"], [
      { HostIp: "127.0.0.1", HostPort: String(port) },
    ]);
  });

  it("changes nothing when nothing changed, after a refresh neither", async () => {
    assert.deepEqual((await project.up()).steps, []);
    assert.deepEqual((await project.refresh()).steps, []);
    assert.deepEqual((await project.preview()).steps, []);
  });

  it("takes ports, sets and spellings that mean the same for the same", async () => {
    change = {
      ports: [
        { internal: 81, ip: "127.0.0.1", protocol: "tcp" },
        { internal: 80, external: port, ip: "127.0.0.1" },
      ],
      labels: [{ label: "fleet.part", value: "app" }, OWNER],
      networksAdvanced: [{ name: "fleet-net", aliases: ["app-1", "db"] }],
      envs: ["A=first", "MODE=test", pulumi.secret(`TOKEN=${SECRET}`)],
      user: "",
      dns: [],
      domainname: "",
      privileged: false,
    };
    assert.deepEqual((await project.preview()).steps, []);
  });

  it("keeps secrets out of the state's text", async () => {
    const text = await project.stateText();
    assert.ok(text.includes("MODE=test") || text.includes("ciphertext"));
    assert.ok(!text.includes(SECRET), "the secret stands in the state in the clear");
  });

  it("updates limits and restart policy of the container that runs", async () => {
    const before = await inspect();
    change = {
      memory: 96,
      memorySwap: 128,
      memoryReservation: 16,
      cpuShares: 256,
      restart: "on-failure",
      maxRetryCount: 3,
      destroyGraceSeconds: 9,
    };
    assert.deepEqual(ops((await project.up()).steps), ["update app"]);
    const { Id: id, HostConfig: host } = await inspect();
    assert.equal(id, before.Id, "it was made anew");
    const mebibytes = [host.Memory, host.MemorySwap, host.MemoryReservation].map((n) => (n ?? 0) / MEBIBYTE);
    assert.deepEqual(mebibytes, [96, 128, 16]);
    assert.equal(host.CpuShares, 256);
    assert.deepEqual(host.RestartPolicy, { Name: "on-failure", MaximumRetryCount: 3 });
    assert.deepEqual((await project.refresh()).steps, []);
    assert.deepEqual((await project.preview()).steps, []);
    change = {};
    await project.up();
  });

  it("replaces a container on the same port, its volume untouched", async () => {
    const [before, volume] = [await inspect(), await server.docker.getVolume("fleet-vol").inspect()];
    change = { envs: ["MODE=other"] };
    assert.deepEqual(
      ops((await project.up()).steps).filter((text) => !text.startsWith("replace")),
      ["delete-replaced app", "create-replacement app"],
    );
    const after = await inspect();
    assert.notEqual(after.Id, before.Id);
    assert.deepEqual(after.HostConfig.PortBindings, before.HostConfig.PortBindings);
    assert.deepEqual(await server.docker.getVolume("fleet-vol").inspect(), volume);
    change = {};
    await project.up();
  });

  it("shows a new image as a replacement of the container in the preview, and pulls nothing for it", async () => {
    const other = await server.smallImage("fleet-test/other");
    imageName = other;
    const shown = ops((await project.preview()).steps);
    assert.ok(shown.includes("replace image") && shown.includes("replace app"), shown.join());
    await project.up();
    assert.equal((await inspect()).Image, (await server.docker.getImage(other).inspect()).Id);
    imageName = IMAGE;
    await project.up();
  });

  it("sees what was changed by hand, and puts it right", async () => {
    await server.docker
      .getContainer("app")
      .update({ Memory: 80 * 1024 * 1024, MemorySwap: 80 * 1024 * 1024 });
    const [drift] = (await project.refresh()).steps;
    assert.deepEqual([drift?.name, Object.keys(drift?.diff ?? {}).sort()], ["app", ["memory", "memorySwap"]]);
    assert.deepEqual(ops((await project.up()).steps), ["update app"]);
    assert.equal((await inspect()).HostConfig.Memory, 64 * 1024 * 1024);
  });

  it("makes a container anew that was stopped by hand, and one that was removed", async () => {
    const first = (await inspect()).Id;
    await server.docker.getContainer("app").stop({ t: 1 });
    await project.refresh();
    assert.deepEqual(ops((await project.preview()).steps), ["create app"]);
    await project.up();
    const second = (await inspect()).Id;
    assert.notEqual(second, first);
    await server.docker.getContainer("app").remove({ force: true });
    await project.refresh();
    assert.deepEqual(ops((await project.up()).steps), ["create app"]);
    assert.equal((await inspect()).State.Running, true);
  });

  it("goes on after the engine was killed while it waited for a new container", async () => {
    // Never healthy: there is no such file.
    const tests = ["CMD", "cat", "/data/well"];
    const healthcheck = { tests, interval: "1s", timeout: "5s", startPeriod: "1m0s", retries: 3 };
    change = { envs: ["MODE=killed"], healthcheck, waitTimeout: 120, user: "0:0" };
    const before = (await inspect()).Id;
    const killed = project.up().then(
      () => "finished",
      () => "killed",
    );
    let id = before;
    while (id === before || id === "") {
      await sleep(50);
      id = await inspect().then(
        (info) => (info.State.Running ? info.Id : ""),
        () => "",
      );
    }
    const left = (await inspect()).Id;
    for (const pid of await enginesIn(project.folder)) process.kill(pid, "SIGKILL");
    assert.equal(await killed, "killed");
    await project.pulumi("cancel", "--yes");
    change = {};
    await project.up();
    assert.notEqual((await inspect()).Id, left);
    assert.deepEqual((await project.up()).steps, []);
    assert.equal((await server.docker.listContainers({ all: true })).length, 1);
  });

  it("takes its own network and volume back where the state lost them", async () => {
    const { urn } = await project.resource("app");
    await project.destroy(urn);
    for (const name of ["network", "volume"]) {
      await project.pulumi("state", "delete", (await project.resource(name)).urn, "--yes");
    }
    const networks = () => server.docker.listNetworks({ filters: { name: ["fleet-net"] } });
    const [network] = await networks();
    assert.deepEqual(ops((await project.up()).steps).sort(), [
      "create app",
      "create network",
      "create volume",
    ]);
    assert.deepEqual(
      (await networks()).map(({ Id }) => Id),
      [network?.Id],
    );
  });

  it("says who has the port when it is taken, and leaves nothing behind", async () => {
    const other: Server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const taken = (other.address() as { port: number }).port;
    try {
      change = { name: "second", ports: [{ internal: 80, external: taken, ip: "127.0.0.1" }] };
      await assert.rejects(
        project.up(),
        /create the container second[\s\S]*Another container or program has that port/,
      );
      await assert.rejects(inspect("second"), /no such container/i);
    } finally {
      other.close();
    }
    change = {};
    await project.up();
    assert.equal((await inspect()).State.Running, true);
  });

  it("removes all of it in the end, but for images that are to stay", async () => {
    await project.destroy();
    assert.deepEqual(await server.docker.listContainers({ all: true, filters: { name: ["app"] } }), []);
    assert.deepEqual(await server.docker.listNetworks({ filters: { name: ["fleet-net"] } }), []);
    await assert.rejects(server.docker.getVolume("fleet-vol").inspect(), /no such volume/i);
    assert.ok(await server.docker.getImage(IMAGE).inspect());
  });
});
