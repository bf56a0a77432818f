/** Images from a registry that asks for a sign-in, pinned by tag and by digest: the stand-in under the real engine. */
import assert from "node:assert/strict";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { TestDocker } from "../support/dockerd";
import { startDocker } from "./support/docker-stack";
import { createProject, standIn, type Step, type TestProject } from "./support/engine";
import { TestRegistry } from "./support/image-registry";

const USERNAME = "fleet";
const PASSWORD = "the-password-of-the-registry";

describe("docker stand-in and a registry that asks for a sign-in", function () {
  this.timeout(180_000);
  let server: TestDocker;
  let registry: TestRegistry;
  let project: TestProject;
  const undone: (() => Promise<void>)[] = [];
  /** What each test sets. */
  let name = "";
  let password: string | undefined = PASSWORD;
  let digests: { first: string; second: string };

  const program = () => {
    const registryAuth = [
      { address: registry.address, username: USERNAME, password: pulumi.secret(password ?? "") },
    ];
    const args = { host: server.host, ...(password === undefined ? {} : { registryAuth }) };
    const options = { provider: new docker.Provider("daemon", args) };
    const image = new docker.RemoteImage("image", { name, keepLocally: true }, options);
    const command = ["sleep", "1000"];
    new docker.Container("app", { name: "app", image: image.imageId, command }, options);
    return Promise.resolve({ image: image.imageId, digest: image.repoDigest });
  };

  before(async function () {
    server = await startDocker(this);
    undone.push(() => server.stop());
    registry = await TestRegistry.start(USERNAME, PASSWORD);
    undone.push(() => registry.stop());
    project = await createProject({ program, plugins: [standIn("docker")] });
    undone.push(() => project.dispose());
    const first = await server.smallImage("fleet-test/first");
    const second = await server.smallImage("fleet-test/second");
    digests = {
      first: await registry.take(server, first, "own/app", "1.0"),
      second: await registry.take(server, second, "own/app", "2.0"),
    };
    assert.notEqual(digests.first, digests.second);
    for (const tag of [first, second]) await server.docker.getImage(tag).remove({ force: true });
  });
  after(async () => {
    for (const undo of undone.reverse()) await undo();
  });

  const image = (tag: string) => `${registry.address}/own/app${tag}`;
  const ops = (steps: readonly Step[]) => steps.map(({ op, name: part }) => `${op} ${part}`).sort();

  it("says which registry refuses, and what to give, without and with a wrong password", async () => {
    name = image(":1.0");
    for (const wrong of [undefined, "another-password"]) {
      password = wrong;
      await assert.rejects(project.up(), (error: Error) => {
        assert.match(
          error.message,
          /can't be pulled from 127\.0\.0\.1:\d+[\s\S]*give registryAuth for 127\.0/,
        );
        assert.ok(!error.message.includes("another-password"));
        return true;
      });
    }
    assert.deepEqual(registry.signedIn, []);
    assert.ok(registry.refused > 0);
  });

  it("pulls with the password, which stands nowhere in the clear", async () => {
    password = PASSWORD;
    await project.up();
    assert.ok(
      registry.signedIn.some((request) => request.includes("/blobs/")),
      registry.signedIn.join(),
    );
    const state = await project.stateText();
    assert.ok(!state.includes(PASSWORD), "the password stands in the state");
    const shown = JSON.stringify(await server.docker.getContainer("app").inspect());
    assert.ok(!shown.includes(PASSWORD));
    assert.deepEqual((await project.up()).steps, []);
  });

  it("asks nobody for an image that is there, so that a tag that moves is not followed", async () => {
    const before = (await server.docker.getContainer("app").inspect()).Image;
    const moved = await server.smallImage("fleet-test/moved");
    await registry.take(server, moved, "own/app", "1.0");
    const asked = registry.signedIn.length;
    assert.deepEqual((await project.up()).steps, []);
    assert.deepEqual((await project.refresh()).steps, []);
    assert.equal(registry.signedIn.length, asked);
    assert.equal((await server.docker.getContainer("app").inspect()).Image, before);
  });

  it("takes a new password without making anything anew", async () => {
    password = "a-newer-password";
    const { steps } = await project.up();
    assert.deepEqual(
      steps.filter(({ name: part }) => part !== "daemon"),
      [],
    );
    password = PASSWORD;
    await project.up();
  });

  it("shows another tag as a replacement in the preview, and pulls nothing for that", async () => {
    name = image(":2.0");
    const asked = registry.signedIn.length;
    assert.deepEqual(
      ops((await project.preview()).steps).filter((op) => op.startsWith("replace")),
      ["replace app", "replace image"],
    );
    assert.equal(registry.signedIn.length, asked);
  });

  it("takes the very image of a digest, whatever the tag beside it says by now", async () => {
    name = image(`:1.0@${digests.second}`);
    const { outputs } = await project.up();
    assert.equal(outputs.digest?.value, `${registry.address}/own/app@${digests.second}`);
    assert.equal((await server.docker.getContainer("app").inspect()).Image, outputs.image?.value);
    assert.deepEqual((await project.up()).steps, []);
    assert.deepEqual((await project.refresh()).steps, []);
  });

  it("says what is missing where the registry has no such digest", async () => {
    name = image(`@sha256:${"0".repeat(64)}`);
    await assert.rejects(project.up(), /own\/app@sha256:0+ is not on unix[\s\S]*can't be pulled/);
    name = image(`:1.0@${digests.second}`);
    await project.up();
  });
});
