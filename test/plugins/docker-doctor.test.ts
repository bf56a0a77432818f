/** `fleet doctor` for the docker platform, on a real daemon. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { Finding } from "../../cli/doctor/checks";
import { checkDocker } from "../../cli/doctor/docker";
import type { TestDocker } from "../support/dockerd";
import { planOf } from "../unit/support/plans";
import { startDocker } from "./support/docker-stack";
import { freePort } from "../support/ports";

describe("fleet doctor on docker", function () {
  this.timeout(120_000);
  let server: TestDocker;
  const host = process.env.DOCKER_HOST;

  before(async function () {
    server = await startDocker(this);
    process.env.DOCKER_HOST = server.host;
  });
  after(async () => {
    if (host === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = host;
    if (server as TestDocker | undefined) await server.stop();
  });

  const plan = (port: number, more: Record<string, unknown> = {}) =>
    planOf({
      platform: "docker",
      gateway: { port },
      environments: { blue: {} },
      imageNames: { proxy: "registry.example.com/none:1" },
      ...more,
    });
  const find = (findings: readonly Finding[], check: string) =>
    findings.find((each) => each.check === check) ?? assert.fail(`nothing is said of ${check}`);

  it("tells the daemon's version, its disk, missing images and free ports", async () => {
    const findings = await checkDocker(plan(await freePort()));
    assert.match(find(findings, "Docker").found, /^\d+\.\d+.*, API 1\.\d+/);
    assert.match(find(findings, "Docker's disk").found, /^\d+ GiB free in \//);
    const images = find(findings, "images");
    assert.equal(images.result, "warn");
    assert.match(images.found, /registry\.example\.com\/none:1/);
    assert.ok(!images.found.includes("redis"), "needed by an official supervisor alone");
    assert.equal(find(findings, "ports").result, "ok");
  });

  it("counts Redis to the images where NocoBase's own supervisor is to run", async () => {
    const findings = await checkDocker(plan(await freePort(), { supervisor: "official" }));
    assert.match(find(findings, "images").found, /redis:/);
  });

  it("names who has a port that the fleet is to publish", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };
    try {
      const found = find(await checkDocker(plan(port)), `port ${port}`);
      assert.equal(found.result, "fail");
      assert.match(found.found, new RegExp(`gateway needs it, process ${process.pid}`));
    } finally {
      other.close();
    }
  });

  it("says what to do where no daemon answers", async () => {
    const own = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = "unix:///nowhere/docker.sock";
    try {
      const [only, ...others] = await checkDocker(plan(await freePort()));
      assert.deepEqual(others, []);
      assert.equal(only?.result, "fail");
      assert.match(only.found, /unix:\/\/\/nowhere/);
      assert.match(only.fix ?? "", /DOCKER_HOST/);
    } finally {
      process.env.DOCKER_HOST = own;
    }
  });
});
