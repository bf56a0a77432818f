/** Image archives as `docker load` takes them. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { pack } from "tar-stream";
import { Readable } from "node:stream";
import { EPOCH, type Layer } from "./layers";
import type { Recipe } from "./recipes";

export interface ImageArchive {
  /** `sha256:…`: Docker's id of the image, known before it is loaded. */
  id: string;
  stream(): Readable;
}

/** The same layers and the same configuration make the same id. @param tag whole name with tag */
export function imageArchive(
  recipe: Pick<Recipe, "config"> & { readonly name: string },
  layers: readonly Layer[],
  tag: string,
): ImageArchive {
  const config = JSON.stringify({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    created: EPOCH.toISOString(),
    config: {
      ...recipe.config,
      Labels: { "org.opencontainers.image.title": `nocobase-fleet ${recipe.name}` },
    },
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
    history: layers.map(() => ({ created: EPOCH.toISOString(), created_by: "fleet images build" })),
  });
  const id = createHash("sha256").update(config).digest("hex");
  const manifest = JSON.stringify([
    { Config: `${id}.json`, RepoTags: [tag], Layers: layers.map(({ digest }) => layerName(digest)) },
  ]);
  return {
    id: `sha256:${id}`,
    stream: () => streamOf({ [`${id}.json`]: config, "manifest.json": manifest }, layers),
  };
}

function layerName(digest: string): string {
  return `${digest.slice("sha256:".length)}.tar`;
}

function streamOf(texts: Readonly<Record<string, string>>, layers: readonly Layer[]): Readable {
  const archive = pack();
  const write = async (): Promise<void> => {
    for (const [name, text] of Object.entries(texts)) archive.entry({ name, mtime: EPOCH }, text);
    for (const { file, digest, bytes } of layers) {
      await new Promise<void>((resolve, reject) => {
        const sink = archive.entry({ name: layerName(digest), size: bytes, mtime: EPOCH }, (error) => {
          if (error) reject(error);
          else resolve();
        });
        fs.createReadStream(file).once("error", reject).pipe(sink);
      });
    }
    archive.finalize();
  };
  write().catch((error: unknown) =>
    archive.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return Readable.from(archive as AsyncIterable<Buffer>);
}
