import { buildImages } from "../../platforms/docker/images/build";
import { defaults } from "../../config/schema/parts";
import { startDocker } from "../plugins/support/docker-stack";
import type { TestDocker } from "../support/dockerd";
import { ensureMmdebstrap } from "../support/mmdebstrap";
import { skipBecause } from "../support/skip";
import { describeScenarios, startingValues } from "./scenarios";
import { containers } from "./docker/containers";
import { DockerHarness } from "./support/docker";
import { gatewayPort } from "./support/local";
import { Project } from "./support/project";

describe("docker platform", function () {
  this.timeout(10 * 60_000);
  let server: TestDocker;
  let harness: DockerHarness;
  const host = process.env.DOCKER_HOST;

  before(async function () {
    server = await startDocker(this);
    const missing = await ensureMmdebstrap();
    if (missing !== undefined) skipBecause(this, missing);
    process.env.DOCKER_HOST = server.host;
    await buildImages({ docker: server.docker, release: defaults.release });
    const project = new Project(`doc${process.pid}`, {
      ...startingValues(gatewayPort() + 2000),
      platform: "docker",
      images: "local",
      deletion: "protect",
    });
    harness = new DockerHarness(project, server.docker);
  });

  after(async () => {
    if (harness as DockerHarness | undefined) await harness.cleanUp();
    if (host === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = host;
    if (server as TestDocker | undefined) await server.stop();
  });

  describeScenarios(
    () => harness,
    () => containers(() => harness),
  );
});
