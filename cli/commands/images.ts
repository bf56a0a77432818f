import { buildImages } from "../../platforms/docker/images/build";
import { requireDocker } from "../images";
import { knownReleases } from "../../providers/local/release";
import { lineProgress } from "../../toolchain/progress";
import { formatTable } from "../output/table";

export interface BuildImagesOptions {
  release?: string;
  fresh?: boolean;
  json?: boolean;
}

/** `fleet images build`: every image of the Docker platform, from package registries alone. */
export async function buildAllImages(options: BuildImagesOptions): Promise<void> {
  const release = options.release ?? knownReleases().at(-1) ?? "";
  const docker = await requireDocker();
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
