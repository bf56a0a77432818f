/** What the docker stand-in answers, call by call, without an engine: differences, imports, refusals. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { UNKNOWN } from "../../providers/kit/types";
import { TestDocker } from "../support/dockerd";
import { freePort } from "../support/ports";
import { CONTAINER_EDITS, OWNER, SECRET, hardened, startDocker } from "./support/docker-stack";
import { executableOf, standIn } from "./support/engine";
import { inTheClear } from "./support/parity";
import { PluginClient, type Values } from "./support/plugin-client";

const [NETWORK, VOLUME] = ["docker:index/network:Network", "docker:index/volume:Volume"];
const [IMAGE, CONTAINER] = ["docker:index/remoteImage:RemoteImage", "docker:index/container:Container"];
const SMALL = "fleet-test/small:latest";

describe("docker stand-in, call by call", function () {
  this.timeout(120_000);
  let server: TestDocker;
  let plugin: PluginClient;
  /** What is to be done in the end, in reverse order. */
  const undone: (() => Promise<void> | void)[] = [];

  before(async function () {
    server = await startDocker(this);
    undone.push(() => server.stop());
    await server.smallImage("fleet-test/small");
    plugin = await PluginClient.start(await executableOf(standIn("docker").program), { host: server.host });
    undone.push(() => {
      plugin.stop();
    });
  });
  after(async () => {
    for (const undo of undone.reverse()) await undo();
  });

  async function make(type: string, news: Values) {
    const { inputs, failures } = await plugin.check(type, news);
    assert.deepEqual(failures, []);
    const oldInputs = inTheClear(inputs);
    const { id, outputs } = await plugin.create(type, oldInputs);
    return { id, olds: inTheClear(outputs), oldInputs };
  }
  type Made = Awaited<ReturnType<typeof make>>;

  async function diff(type: string, made: Made, wanted: Values) {
    const { inputs, failures } = await plugin.check(type, wanted, made.oldInputs);
    assert.deepEqual(failures, []);
    return await plugin.diff(type, { ...made, news: inTheClear(inputs) });
  }

  /** The container's output, once it has `text` in it. */
  async function saying(name: string, text: string): Promise<string> {
    for (const end = Date.now() + 10_000; ;) {
      const log = (await server.docker.getContainer(name).logs({ stdout: true, stderr: true })).toString();
      if (log.includes(text)) return log;
      assert.ok(Date.now() < end, `${name} says only ${JSON.stringify(log)}`);
      await sleep(50);
    }
  }

  const idle = { name: "idle", image: SMALL, command: ["sleep", "1000"] };

  describe("on a hardened container", () => {
    let made: Made;
    let inputs: Values;
    before(async () => {
      inputs = { ...hardened(SMALL, await freePort()), envs: ["MODE=test"] };
      made = await make(CONTAINER, inputs);
    });
    after(() => plugin.delete(CONTAINER, made.id, made.olds));

    for (const [edit, property, kind] of CONTAINER_EDITS) {
      it(`${kind}s for ${JSON.stringify(edit)}`, async () => {
        const answer = await diff(CONTAINER, made, { ...inputs, ...edit });
        const isReplaced = kind === "replace";
        assert.ok(answer.diffs.includes(property), `differences: ${answer.diffs.join()}`);
        assert.deepEqual(answer.replaces.includes(property), isReplaced);
        assert.equal(answer.deleteBeforeReplace, isReplaced, "the old one goes first: same name, same ports");
      });
    }

    it("shows an image that is not known yet as a replacement", async () => {
      const answer = await diff(CONTAINER, made, { ...inputs, image: UNKNOWN });
      assert.deepEqual(answer.detailed, { image: "update-replace" });
    });

    it("names the very field of an object that changes", async () => {
      const { detailed } = await diff(CONTAINER, made, {
        ...inputs,
        healthcheck: { ...(inputs.healthcheck as Values), interval: "2s" },
      });
      assert.deepEqual(detailed, { "healthcheck.interval": "update" });
    });

    it("reads it back without a difference, imported too", async () => {
      const read = await plugin.read(CONTAINER, made.id, made.olds, made.oldInputs);
      assert.deepEqual(inTheClear(read.outputs), made.olds);
      assert.deepEqual(inTheClear(read.inputs), made.oldInputs);
      const imported = await plugin.read(CONTAINER, made.id);
      assert.equal(imported.id, made.id);
      const given = imported.inputs;
      assert.deepEqual(
        [given.name, given.user, given.readOnly, given.memory, given.capabilities],
        ["app", "1000:1000", true, 64, { drops: ["ALL"], __defaults: [] }],
      );
    });
  });

  describe("on a network, a volume and an image", () => {
    it("replaces them for whatever changes, and adopts by import", async () => {
      for (const [type, inputs, edits] of [
        [
          NETWORK,
          { name: "n", labels: [OWNER] },
          [{ name: "m" }, { internal: true }, { labels: [] }, { ipv6: true }],
        ],
        [VOLUME, { name: "vol", labels: [OWNER] }, [{ name: "wol" }, { labels: [] }, { driver: "other" }]],
        [IMAGE, { name: SMALL, keepLocally: true }, [{ name: "other" }, { pullTriggers: ["2"] }]],
      ] as [string, Values, Values[]][]) {
        const made = await make(type, inputs);
        assert.equal((await diff(type, made, inputs)).changes, "none");
        for (const edit of edits) {
          const answer = await diff(type, made, { ...inputs, ...edit });
          assert.deepEqual(answer.replaces, Object.keys(edit), JSON.stringify(answer));
        }
        const read = await plugin.read(type, made.id, made.olds, made.oldInputs);
        assert.deepEqual(inTheClear(read.outputs), made.olds);
        if (type !== IMAGE) {
          const imported = await plugin.read(type, made.id);
          assert.deepEqual(imported.inputs.labels, [{ ...OWNER, __defaults: [] }]);
        }
        await plugin.delete(type, made.id, made.olds);
        if (type !== IMAGE)
          assert.equal((await plugin.read(type, made.id, made.olds, made.oldInputs)).id, "");
      }
    });

    it("keeps an image's id as upstream writes it", async () => {
      const { id, olds } = await make(IMAGE, { name: SMALL, keepLocally: true });
      const { Id } = await server.docker.getImage(SMALL).inspect();
      assert.deepEqual([id, olds.imageId], [Id + SMALL, Id]);
    });
  });

  describe("refuses", () => {
    const refusals: [string, string, Values, RegExp][] = [
      ["a property that is none", CONTAINER, { ...idle, env: [] }, /no property env; did you mean envs/],
      [
        "one of the official plugin alone",
        CONTAINER,
        { ...idle, gpus: "all" },
        /gpus of Container is not supported/,
      ],
      [
        "an unknown field",
        CONTAINER,
        { ...idle, ports: [{ inner: 1 }] },
        /^ports\[0\] has no property inner/,
      ],
      ["a missing field", CONTAINER, { ...idle, ports: [{}] }, /^ports\[0\]\.internal is missing/],
      [
        "a field of the wrong type",
        CONTAINER,
        { ...idle, ports: [{ internal: "x" }] },
        /^ports\[0\]\.internal is "x"/,
      ],
      [
        "volume options",
        CONTAINER,
        { ...idle, mounts: [{ target: "/a", type: "volume", volumeOptions: {} }] },
        /volumeOptions of mounts\[0\] is not supported/,
      ],
      [
        "an odd restart policy",
        CONTAINER,
        { ...idle, restart: "sometimes" },
        /restart is "sometimes"; it must be one of no, on-failure/,
      ],
      [
        "an odd duration",
        CONTAINER,
        { ...idle, healthcheck: { tests: ["NONE"], interval: "soon" } },
        /healthcheck\.interval is "soon"; it must be a duration/,
      ],
      ["a limit below zero", CONTAINER, { ...idle, memory: -1 }, /memory is -1; it must be at least 0/],
      ["an output", CONTAINER, { ...idle, exitCode: 1 }, /exitCode is an output/],
      ["a missing image", CONTAINER, { name: "x" }, /^image is missing/],
      ["a build", IMAGE, { name: "x", build: { context: "." } }, /build of RemoteImage is not supported/],
      ["a cluster volume", VOLUME, { cluster: { scope: "multi" } }, /cluster of Volume is not supported/],
    ];
    for (const [what, type, inputs, message] of refusals) {
      it(what, async () => {
        const { failures } = await plugin.check(type, inputs);
        assert.ok(
          failures.some(({ reason }) => message.test(reason)),
          JSON.stringify(failures),
        );
      });
    }

    it("networks, volumes and containers of someone else, which stay as they are", async () => {
      const network = await server.docker.createNetwork({ Name: "theirs" });
      await server.docker.createVolume({ Name: "theirs", Labels: { "fleet.owner": "others" } });
      const container = await server.docker.createContainer({
        name: "theirs",
        Image: SMALL,
        Cmd: ["sleep", "9"],
      });
      const labels = [OWNER];
      const told = (kind: string) =>
        new RegExp(`There is a ${kind} theirs on unix://\\S+ already.*never taken over`);
      await assert.rejects(make(NETWORK, { name: "theirs", labels }), told("network"));
      await assert.rejects(make(VOLUME, { name: "theirs", labels }), told("volume"));
      await assert.rejects(make(CONTAINER, { ...idle, name: "theirs", labels }), told("container"));
      await assert.rejects(
        make(VOLUME, { name: "theirs" }),
        told("volume"),
        "without labels nothing is ours",
      );
      assert.equal((await container.inspect()).Id, container.id);
      await container.remove();
      await server.docker.getVolume("theirs").remove();
      await network.remove();
    });

    it("an image that is neither here nor to be had, saying what to do", async () => {
      const name = "127.0.0.1:1/none/such:1";
      await assert.rejects(
        make(IMAGE, { name }),
        /none\/such:1 is not on unix.*can't be pulled from 127\.0\.0\.1:1.*Build or load it/,
      );
      await assert.rejects(make(CONTAINER, { ...idle, image: name }), /can't be pulled/);
    });

    it("to speak to a daemon that is not there, or that it does not know how to reach", async () => {
      const program = await executableOf(standIn("docker").program);
      const lost = await PluginClient.start(program, { host: "unix:///nowhere/docker.sock" });
      try {
        await assert.rejects(
          lost.create(NETWORK, { name: "n" }),
          /Can't create the network n: no Docker daemon answers at unix:\/\/\/nowhere/,
        );
      } finally {
        lost.stop();
      }
    });
  });

  describe("on containers in trouble", () => {
    it("tells the last lines of one that ends at once, without its secrets, and leaves nothing", async () => {
      const script = "echo started with $TOKEN; exit 3";
      const wanted = { ...idle, name: "ends", command: ["sh", "-c", script], envs: [`TOKEN=${SECRET}`] };
      await assert.rejects(make(CONTAINER, wanted), (error: Error) => {
        assert.match(error.message, /ended at once with exit code 3[\s\S]*started with \[secret\]/);
        assert.ok(!error.message.includes(SECRET));
        return true;
      });
      await assert.rejects(server.docker.getContainer("ends").inspect(), /no such container/i);
    });

    it("keeps one that is not healthy in time, and says what its check says", async () => {
      const healthcheck = { tests: ["CMD-SHELL", "echo not yet; exit 1"], interval: "1s", retries: 1 };
      const wanted = { ...idle, name: "sick", healthcheck, wait: true, waitTimeout: 2 };
      await assert.rejects(make(CONTAINER, wanted), /not healthy within 2 s.*docker logs sick.*not yet/);
      const kept = server.docker.getContainer("sick");
      assert.equal((await kept.inspect()).State.Running, true);
      await kept.remove({ force: true });
    });

    it("lets one be that need not run", async () => {
      const wanted = { ...idle, name: "job", command: ["true"], mustRun: false };
      const made = await make(CONTAINER, wanted);
      const read = await plugin.read(CONTAINER, made.id, made.olds, made.oldInputs);
      assert.deepEqual([read.id, read.outputs.exitCode], [made.id, 0]);
      assert.equal((await diff(CONTAINER, made, wanted)).changes, "none");
      await plugin.delete(CONTAINER, made.id, made.olds);
    });
  });

  describe("with uploads", () => {
    it("puts files in before the start, with their mode", async () => {
      const uploads = [
        { file: "/etc/fleet/secret", content: SECRET, permissions: "0440" },
        {
          file: "/run.sh",
          contentBase64: Buffer.from("cat /etc/fleet/secret; echo").toString("base64"),
          executable: true,
        },
      ];
      const made = await make(CONTAINER, {
        ...idle,
        name: "files",
        uploads,
        command: ["sh", "-c", "ls -l /etc/fleet /run.sh; sh /run.sh; sleep 1000"],
      });
      const log = await saying("files", SECRET);
      assert.match(log, /-r--r-----/);
      assert.match(log, /-rwxr--r--/);
      await plugin.delete(CONTAINER, made.id, made.olds);
    });

    it("says why none goes into a read-only root, and does so through a volume", async () => {
      const upload = { file: "/secrets/token", content: SECRET, permissions: "0444" };
      await assert.rejects(
        make(CONTAINER, { ...idle, readOnly: true, uploads: [{ ...upload, file: "/token" }] }),
        /read-only root: bring the files in a volume/,
      );
      const volume = await make(VOLUME, { name: "secrets" });
      const volumes = [{ volumeName: "secrets", containerPath: "/secrets" }];
      const carrier = await make(CONTAINER, {
        ...idle,
        name: "carrier",
        start: false,
        mustRun: false,
        volumes,
        uploads: [upload],
      });
      const reader = await make(CONTAINER, {
        ...idle,
        name: "reader",
        readOnly: true,
        user: "1000:1000",
        volumes: [{ ...volumes[0], readOnly: true }],
        command: ["sh", "-c", "cat /secrets/token; echo; sleep 1000"],
      });
      await saying("reader", SECRET);
      const shown = JSON.stringify(await server.docker.getContainer("carrier").inspect());
      assert.ok(!shown.includes(SECRET), "inspect shows the secret");
      for (const made of [reader, carrier]) await plugin.delete(CONTAINER, made.id, made.olds);
      await plugin.delete(VOLUME, volume.id, volume.olds);
    });
  });
});
