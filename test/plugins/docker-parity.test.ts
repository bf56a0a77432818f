/**
 * The referee for docker: official plugin and stand-in take turns on one state, and give the same answers to the same
 * calls. Runs where the official binary is on PATH.
 *
 * Allowed differences: texts of messages; what the stand-in refuses with a message where the official plugin knows
 * more or takes over silently; a stopped container, which the official plugin removes as soon as it reads it.
 */
import assert from "node:assert/strict";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { UNKNOWN } from "../../providers/kit/types";
import type { TestDocker } from "../support/dockerd";
import { freePort } from "../support/ports";
import { CONTAINER_EDITS, OWNER, hardened, startDocker } from "./support/docker-stack";
import { createProject, executableOf } from "./support/engine";
import { compare, inTheClear, takeTurns } from "./support/parity";
import { PluginClient, type Values } from "./support/plugin-client";
import { TestRegistry } from "./support/image-registry";

const SMALL = "fleet-test/small:latest";
const CONTAINER = "docker:index/container:Container";

compare("docker", (pair) => {
  let server: TestDocker;
  const undone: (() => Promise<void>)[] = [];
  before(async function () {
    server = await startDocker(this);
    undone.push(() => server.stop());
    await server.smallImage("fleet-test/small");
  });
  after(() => undone[0]?.());

  it("take turns on an image of a registry that asks for a sign-in", async () => {
    const registry = await TestRegistry.start("fleet", "a-password");
    await registry.take(server, SMALL, "own/app", "1.0");
    const program = () => {
      const registryAuth = [
        { address: registry.address, username: "fleet", password: pulumi.secret("a-password") },
      ];
      const provider = new docker.Provider("daemon", { host: server.host, registryAuth });
      new docker.RemoteImage("image", { name: `${registry.address}/own/app:1.0` }, { provider });
      return Promise.resolve({});
    };
    const project = await createProject({ program });
    try {
      await takeTurns(project, pair);
    } finally {
      await project.dispose();
      await registry.stop();
    }
  });

  it("take turns on one state", async () => {
    const port = await freePort();
    const program = () => {
      const options = { provider: new docker.Provider("daemon", { host: server.host }) };
      const image = new docker.RemoteImage("image", { name: SMALL, keepLocally: true }, options);
      const network = new docker.Network("network", { name: "net", labels: [OWNER] }, options);
      const volume = new docker.Volume("volume", { name: "vol", labels: [OWNER] }, options);
      const networksAdvanced = [{ name: network.name, aliases: ["db", "app-1"] }];
      const volumes = [{ volumeName: volume.name, containerPath: "/data" }];
      const args = { ...hardened(image.imageId, port), networksAdvanced, volumes };
      new docker.Container("app", args, options);
      const plain = { image: image.imageId, command: ["sleep", "1000"] };
      new docker.Container("plain", { name: "plain", ...plain }, options);
      return Promise.resolve({});
    };
    const project = await createProject({ program });
    try {
      await takeTurns(project, pair);
    } finally {
      await project.dispose();
    }
  });

  describe("answer alike", () => {
    let theirs: PluginClient;
    let ours: PluginClient;
    let inputs: Values;
    before(async () => {
      const config = { host: server.host };
      theirs = await PluginClient.start(pair.official.program, config);
      ours = await PluginClient.start(await executableOf(pair.standIn.program), config);
      inputs = { ...hardened(SMALL, await freePort()), envs: ["MODE=test"] };
    });
    after(() => {
      theirs.stop();
      ours.stop();
    });

    it("on a container: check, preview, state, import and every edit", async () => {
      const checked = await theirs.check(CONTAINER, inputs);
      assert.deepEqual(await ours.check(CONTAINER, inputs), checked);
      const oldInputs = inTheClear(checked.inputs);
      assert.deepEqual(
        await ours.create(CONTAINER, oldInputs, true),
        await theirs.create(CONTAINER, oldInputs, true),
      );
      const made = await theirs.create(CONTAINER, oldInputs);
      const olds = inTheClear(made.outputs);
      try {
        assert.deepEqual(
          await ours.read(CONTAINER, made.id, olds, oldInputs),
          await theirs.read(CONTAINER, made.id, olds, oldInputs),
        );
        assert.deepEqual(await ours.read(CONTAINER, made.id), await theirs.read(CONTAINER, made.id));
        for (const edit of [...CONTAINER_EDITS.map(([one]) => one), { image: UNKNOWN }, { envs: UNKNOWN }]) {
          const news = await theirs.check(CONTAINER, { ...inputs, ...edit }, oldInputs);
          assert.deepEqual(await ours.check(CONTAINER, { ...inputs, ...edit }, oldInputs), news);
          const state = { id: made.id, olds, news: inTheClear(news.inputs), oldInputs };
          const answers = [await ours.diff(CONTAINER, state), await theirs.diff(CONTAINER, state)];
          assert.deepEqual(answers[0], answers[1], JSON.stringify(edit));
        }
      } finally {
        await ours.delete(CONTAINER, made.id, olds);
      }
    });

    for (const [type, given, edits] of [
      [
        "docker:index/network:Network",
        { name: "alike", labels: [OWNER] },
        [{ name: "other" }, { internal: true }, { labels: [] }],
      ],
      [
        "docker:index/volume:Volume",
        { name: "alike", labels: [OWNER] },
        [{ name: "other" }, { labels: [] }, { driver: "other" }],
      ],
      [
        "docker:index/remoteImage:RemoteImage",
        { name: SMALL, keepLocally: true },
        [{ name: `${SMALL}@sha256:${"0".repeat(64)}` }, { keepLocally: false }, { pullTriggers: ["2"] }],
      ],
    ] as [string, Values, Values[]][]) {
      it(`on a ${type.split(":")[2]!}`, async () => {
        const checked = await theirs.check(type, given);
        assert.deepEqual(await ours.check(type, given), checked);
        const oldInputs = inTheClear(checked.inputs);
        assert.deepEqual(
          await ours.create(type, oldInputs, true),
          await theirs.create(type, oldInputs, true),
        );
        const made = await theirs.create(type, oldInputs);
        const olds = inTheClear(made.outputs);
        try {
          const answers = [ours, theirs].map((plugin) => plugin.read(type, made.id, olds, oldInputs));
          assert.deepEqual(await answers[0], await answers[1]);
          for (const edit of edits) {
            const news = await theirs.check(type, { ...given, ...edit }, oldInputs);
            assert.deepEqual(await ours.check(type, { ...given, ...edit }, oldInputs), news);
            const state = { id: made.id, olds, news: inTheClear(news.inputs), oldInputs };
            const said = [await ours.diff(type, state), await theirs.diff(type, state)];
            assert.deepEqual(said[0], said[1], JSON.stringify(edit));
          }
        } finally {
          await ours.delete(type, made.id, olds);
        }
      });
    }
  });
});
