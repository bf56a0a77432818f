/** Images that a fleet on Docker is to run. */
import type Docker from "dockerode";
import { commonImages, imagesOf } from "../platforms/docker/attachment";
import { buildImages } from "../platforms/docker/images/build";
import type { StackPlan } from "../plan/types";
import type { Progress } from "../toolchain/progress";
import { UserError } from "./exit-codes";

/** The daemon that DOCKER_HOST names. @throws UserError where none answers */
export async function requireDocker(): Promise<Docker> {
  // Takes its time to load, and few commands need it.
  const { default: Client } = await import("dockerode");
  const docker = new Client();
  try {
    await docker.ping();
  } catch (error) {
    throw new UserError(
      `No Docker daemon answers at ${process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock"} ` +
        `(${(error as Error).message}). Start it, or set DOCKER_HOST.`,
    );
  }
  return docker;
}

/** Builds those images of `images: local` that the daemon lacks. Never in a preview: it may take minutes. */
export async function ensureImages(plan: StackPlan, progress: Progress): Promise<void> {
  const docker = await requireDocker();
  const { images } = imagesOf(plan);
  if (images.source !== "local") return;
  const only = [...commonImages(plan), "nocobase"] as const;
  for (const release of plan.releases) await buildImages({ docker, release, only, progress });
}
