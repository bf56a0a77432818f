import { buildImages } from "../../platforms/docker/images/build";
import { knownReleases } from "../../providers/local/release";
import { lineProgress } from "../../toolchain/progress";
import { UserError } from "../exit-codes";
import { formatTable } from "../output/table";

export interface BuildImagesOptions {
  release?: string;
  fresh?: boolean;
  json?: boolean;
}

/** `fleet images build`: every image of the Docker platform, from package registries alone. */
export async function buildAllImages(options: BuildImagesOptions): Promise<void> {
  const release = options.release ?? knownReleases().at(-1) ?? "";
  // Takes its time to load, and no other command needs it.
  const { default: Docker } = await import("dockerode");
  const docker = new Docker();
  try {
    await docker.ping();
  } catch (error) {
    throw new UserError(
      `No Docker daemon answers at ${process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock"} ` +
        `(${(error as Error).message}). Start it, or set DOCKER_HOST.`,
    );
  }
  const progress = lineProgress((line) => {
    console.error(line);
  });
  const images = await buildImages({ docker, release, fresh: options.fresh, progress });
  if (options.json) {
    console.log(JSON.stringify(images, null, 2));
    return;
  }
  const rows = images.map(({ tag, id, bytes }) => [
    tag,
    id.slice("sha256:".length, "sha256:".length + 12),
    `${Math.round(bytes / 1024 ** 2)} MiB`,
  ]);
  console.log(formatTable(["image", "id", "size"], rows));
}
