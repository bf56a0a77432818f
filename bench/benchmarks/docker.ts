import { buildImages, type BuiltImage } from "../../platforms/docker/images/build";
import { defaults } from "../../config/schema/parts";
import type { StatusRow } from "../../cli/status/rows";
import { TestDocker } from "../../test/support/dockerd";
import { freePort } from "../../test/support/ports";
import { startingValues } from "../../test/e2e/scenarios";
import { DockerHarness } from "../../test/e2e/support/docker";
import { statusOf } from "../../test/e2e/support/fleet";
import { Project } from "../../test/e2e/support/project";
import { ensureToolchain } from "../../toolchain/ensure";
import { median, repeat, seconds, timed } from "../support/measure";
import type { Report, Table } from "../support/report";
import { withRemoval } from "../support/scope";

const UP_LIMIT_SECONDS = 120;
const NO_OP_LIMIT_SECONDS = 10;
const NO_OP_ROUNDS = 5;
const MIB = 1024 ** 2;

/** A daemon, a project on it, and their end. */
class DockerFleet {
  private constructor(
    readonly server: TestDocker,
    readonly project: Project,
    private readonly harness: DockerHarness,
  ) {}

  static async create(): Promise<DockerFleet> {
    const server = await TestDocker.start();
    process.env.DOCKER_HOST = server.host;
    const values = {
      ...startingValues(await freePort()),
      platform: "docker",
      images: "local",
      deletion: "delete",
    };
    const project = new Project(`bench${process.pid}`, values);
    return new DockerFleet(server, project, new DockerHarness(project, server.docker));
  }

  async remove(): Promise<void> {
    await this.harness.cleanUp();
    await this.server.stop();
  }
}

/** The dev fleet as containers: images, `up` with the images present, a no-op, memory. */
export async function docker(): Promise<Report> {
  await ensureToolchain();
  return withRemoval(await DockerFleet.create(), async ({ server, project }) => {
    const build = () => buildImages({ docker: server.docker, release: defaults.release });
    const built = await timed(build);
    const first = await project.succeed("up");
    const noOps = await repeat(NO_OP_ROUNDS, () => project.succeed("up"));
    const rows = Object.values(await statusOf(project));
    const noOp = median(noOps.map((run) => run.seconds));
    const steps: Table = {
      columns: ["step", "time"],
      rows: [
        ["`fleet images build`, with what is in the cache", seconds(built.seconds)],
        ["first `up`, images present", seconds(first.seconds)],
        [`\`up\` without a change, median of ${NO_OP_ROUNDS}`, seconds(noOp)],
      ],
    };
    return {
      title: "A fleet on Docker",
      tables: [steps, imageTable(built.result), memoryTable(rows)],
      checks: [
        check("`up` of the dev fleet, images present", first.seconds, UP_LIMIT_SECONDS),
        check("`up` without a change", noOp, NO_OP_LIMIT_SECONDS),
      ],
      notes: [
        "Entry app, environment with two shared apps, dedicated app, PostgreSQL, gateway; memory as `docker stats` counts it, " +
          "right after the last `up`.",
      ],
    };
  });
}

function check(what: string, measured: number, limit: number) {
  return { what, measured: seconds(measured), target: `≤ ${limit} s`, met: measured <= limit };
}

function imageTable(images: readonly BuiltImage[]): Table {
  const rows = images.map(({ name, bytes }) => [name, `${Math.round(bytes / MIB)} MiB`]);
  return { columns: ["image", "size, unpacked"], rows };
}

function memoryTable(parts: readonly StatusRow[]): Table {
  const rows = parts.flatMap(({ name, kind, memoryMiB }) =>
    memoryMiB === null ? [] : [[name, kind, `${memoryMiB} MiB`]],
  );
  return { columns: ["part", "", "memory"], rows };
}
