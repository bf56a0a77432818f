/** The checks of `fleet doctor` for the docker platform. Each only reads. */
import * as fs from "node:fs";
import type Docker from "dockerode";
import type { FleetPlan } from "../../plan/types";
import { commonImages } from "../../platforms/docker/attachment";
import { imageName } from "../../platforms/docker/images/profiles";
import { DockerOperations } from "../../platforms/docker/operations";
import { findOnPath } from "../../toolchain/process";
import { requireDocker } from "../images";
import type { Finding } from "./checks";
import { checkWanted } from "./ports";

/** `no-new-privileges`, memory swap limits and named volumes as they are used here. */
const OLDEST_API = 1.41;

/** Images unpacked, made here or pulled, and room for a few apps. */
const DISK_GIB = 4;

/** The daemon, its disk, the images, and the ports that are published. */
export async function checkDocker(plan: FleetPlan): Promise<Finding[]> {
  let docker: Docker;
  try {
    docker = await requireDocker();
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return [{ check: "Docker", result: "fail", found, fix: "start the daemon, or set DOCKER_HOST" }];
  }
  return [
    await checkDaemon(docker),
    ...(await checkImages(docker, plan)),
    ...(await checkDisk(docker)),
    ...(await checkPublishedPorts(plan)),
  ];
}

async function checkDaemon(docker: Docker): Promise<Finding> {
  const { Version: version, ApiVersion: api } = await docker.version();
  const info = (await docker.info()) as { MemoryLimit?: boolean; SecurityOptions?: string[] };
  const found = `${version}, API ${api}`;
  if (Number(api) < OLDEST_API) {
    return { check: "Docker", result: "fail", found, fix: "install Docker 20.10 or later" };
  }
  if (info.MemoryLimit === false) {
    const fix = "switch the kernel's memory controller on; until then no limit is kept";
    return { check: "Docker", result: "warn", found: `${found}, without limits of memory`, fix };
  }
  return { check: "Docker", result: "ok", found };
}

/** Room where the daemon keeps images and volumes, which only a daemon of this machine can be asked for. */
async function checkDisk(docker: Docker): Promise<Finding[]> {
  const { DockerRootDir: folder } = (await docker.info()) as { DockerRootDir?: string };
  if (folder === undefined || !fs.existsSync(folder)) return [];
  const { bavail, bsize } = fs.statfsSync(folder);
  const free = Math.floor((bavail * bsize) / 1024 ** 3);
  const found = `${free} GiB free in ${folder}`;
  if (free >= DISK_GIB) return [{ check: "Docker's disk", result: "ok", found }];
  const fix = `images and a few volumes take ${DISK_GIB} GiB: docker system prune, or a larger disk`;
  return [{ check: "Docker's disk", result: "warn", found, fix }];
}

async function checkImages(docker: Docker, plan: FleetPlan): Promise<Finding[]> {
  const wanted = [
    ...commonImages(plan).map((name) => imageName(plan.images, name, plan.releases[0] ?? "")),
    ...plan.releases.map((release) => imageName(plan.images, "nocobase", release)),
  ];
  const there = await Promise.all(
    wanted.map((name) =>
      docker
        .getImage(name)
        .inspect()
        .then(
          () => true,
          () => false,
        ),
    ),
  );
  const missing = wanted.filter((_, index) => there[index] === false);
  if (missing.length === 0) {
    return [{ check: "images", result: "ok", found: `${wanted.length} on the daemon's machine` }];
  }
  const found = `not there yet: ${missing.join(", ")}`;
  if (plan.images.source === "official") {
    return [{ check: "images", result: "warn", found, fix: "the next `fleet up` pulls them" }];
  }
  if (findOnPath("mmdebstrap", process.env.PATH) === undefined) {
    return [{ check: "images", result: "fail", found, fix: "to build them: apt-get install mmdebstrap" }];
  }
  return [
    {
      check: "images",
      result: "warn",
      found,
      fix: "the next `fleet up` builds them, or `fleet images build`",
    },
  ];
}

/** Each published port is free, or held by a container of this fleet. */
async function checkPublishedPorts(plan: FleetPlan): Promise<Finding[]> {
  const parts = await new DockerOperations(plan.stack).parts();
  const ours = new Set(parts.filter(({ pid }) => pid !== undefined).map(({ name }) => name));
  const { gateway } = plan;
  const instances = [
    plan.entry,
    ...Object.values(plan.environments),
    ...Object.values(plan.apps).flatMap(({ instance }) => instance ?? []),
  ];
  const wanted = [
    { name: "gateway", host: gateway.host, port: gateway.port },
    ...(gateway.tls ? [{ name: "gateway", host: gateway.host, port: gateway.tls.port }] : []),
    ...Object.values(plan.databaseServers).filter(({ kind }) => kind === "managed"),
    ...instances,
  ];
  return checkWanted(wanted, ours);
}
