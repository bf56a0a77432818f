/** `fleet images build`: every image that a fleet needs, from package registries alone, with no image registry. */
import * as fs from "node:fs";
import * as path from "node:path";
import type Docker from "dockerode";
import { installLocked } from "../../../providers/local/support/npm";
import { ensureRelease, releaseFolder } from "../../../providers/local/release";
import { partialOf } from "../../../providers/local/support/partial";
import { cacheRoot, PROJECT_DIR, shortHash } from "../../../toolchain/locations";
import { withLock } from "../../../toolchain/lock";
import { noProgress, withHeartbeat, type Progress } from "../../../toolchain/progress";
import { imageArchive, type ImageArchive } from "./archive";
import { unpackDebian } from "./debian";
import { folderLayer, systemLayer, type Layer } from "./layers";
import { NOCOBASE_HOME, recipes, type ImageName, type Recipe } from "./recipes";

/** Raised when the way layers are made changes. */
const LAYOUT = "2";
const NODE_SOURCE = path.join(PROJECT_DIR, "platforms", "docker", "images", "node");
const MANIFESTS = ["package.json", "package-lock.json"];

export interface BuiltImage {
  name: ImageName;
  /** Whole name with tag, e.g. `nocobase-fleet/postgres:15-1a2b3c4d5e6f`. */
  tag: string;
  /** `sha256:…` */
  id: string;
  /** Unpacked. */
  bytes: number;
}

export interface BuildOptions {
  /** The daemon that they are loaded into. */
  docker: Docker;
  /** NocoBase's version. */
  release: string;
  /** Only these; all where not given. */
  only?: readonly ImageName[];
  /** Fetch Debian's packages again, with their latest security updates, although layers are in the cache. */
  fresh?: boolean;
  progress?: Progress;
}

/** Whole names by image: from what goes into them, so that they can be named before they are built. */
export function imageTag(recipe: Recipe): string {
  const inherited = [
    ...(recipe.runtime === "none" ? [] : [nodeHash()]),
    ...(recipe.runtime === "nocobase" ? [path.basename(releaseFolder(recipe.version))] : []),
  ];
  const patterns = recipe.dropped.map(String);
  const hash = shortHash(
    LAYOUT,
    process.arch,
    JSON.stringify({ ...recipe, dropped: patterns }),
    ...inherited,
  );
  return `nocobase-fleet/${recipe.name}:${recipe.version}-${hash}`;
}

/**
 * Builds what is not in the daemon yet. Layers stay in the cache, by the content that they are made of.
 * @throws Error where packages can't be had, or the daemon refuses
 */
export async function buildImages(options: BuildOptions): Promise<BuiltImage[]> {
  const wanted = recipes(options.release).filter(({ name }) => options.only?.includes(name) ?? true);
  const built: BuiltImage[] = [];
  for (const recipe of wanted) built.push(await buildImage(recipe, options));
  return built;
}

async function buildImage(recipe: Recipe, options: BuildOptions): Promise<BuiltImage> {
  const { docker, progress = noProgress } = options;
  const tag = imageTag(recipe);
  const part = progress.start(`Image ${tag}`);
  try {
    const present = options.fresh ? undefined : await inspect(docker, tag);
    if (!present) {
      const archive = await withHeartbeat(
        part,
        (seconds) => `making its layers, ${seconds} s`,
        () => archiveOf(recipe, tag, options),
      );
      await withHeartbeat(
        part,
        (seconds) => `loading it into Docker, ${seconds} s`,
        () => load(docker, archive.stream()),
      );
    }
    const image = present ?? (await inspect(docker, tag));
    if (!image) throw new Error(`Docker took the image ${tag}, but does not have it.`);
    part.done(`${present ? "here already" : "built"}, ${Math.round(image.Size / 1024 ** 2)} MiB`);
    return { name: recipe.name, tag, id: image.Id, bytes: image.Size };
  } catch (error) {
    part.failed("failed");
    throw error;
  }
}

/**
 * An image without any daemon, for whoever takes archives.
 * @param tag whole name with tag
 * @throws Error where packages can't be had
 */
export async function archiveOf(
  recipe: Recipe,
  tag: string,
  options: Pick<BuildOptions, "fresh" | "progress"> = {},
): Promise<ImageArchive> {
  return imageArchive(recipe, await layersOf(recipe, options), tag);
}

async function inspect(docker: Docker, tag: string): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await docker.getImage(tag).inspect();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

async function load(docker: Docker, archive: NodeJS.ReadableStream): Promise<void> {
  const answer = await docker.loadImage(archive);
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(answer, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

async function layersOf(recipe: Recipe, options: Pick<BuildOptions, "fresh" | "progress">): Promise<Layer[]> {
  const { packages, dropped, additions } = recipe;
  const system = shortHash(JSON.stringify([packages, dropped.map(String), additions]));
  const layers = [
    await cachedLayer(`system-${system}`, options.fresh ?? false, async (target) => {
      const root = `${target}.debian`;
      await unpackDebian(packages, root);
      const layer = await systemLayer(root, dropped, additions, target);
      fs.rmSync(root);
      return layer;
    }),
  ];
  if (recipe.runtime === "none") return layers;
  const node = await ensureNode();
  layers.push(
    await cachedLayer(`node-${nodeHash()}`, false, (target) =>
      folderLayer([{ source: node, prefix: "usr/bin/node" }], target),
    ),
  );
  if (recipe.runtime === "node") return layers;
  const release = await ensureRelease(recipe.version, { progress: options.progress });
  // The modules have links to our own plugins, which lie beside them.
  const folders = ["node_modules", "plugins"].map((name) => ({
    source: path.join(release, name),
    prefix: `${NOCOBASE_HOME.slice(1)}/${name}`,
  }));
  return [
    ...layers,
    await cachedLayer(`nocobase-${path.basename(release)}`, false, (target) => folderLayer(folders, target)),
  ];
}

/** @param key says what the layer is made of @param make writes it to `target` */
async function cachedLayer(
  key: string,
  fresh: boolean,
  make: (target: string) => Promise<Layer>,
): Promise<Layer> {
  const file = path.join(cacheRoot(process.env), "images", `${LAYOUT}-${process.arch}-${key}.tar`);
  const note = `${file}.json`;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  return await withLock(`${file}.lock`, async () => {
    if (!fresh && fs.existsSync(note))
      return { ...(JSON.parse(fs.readFileSync(note, "utf8")) as Layer), file };
    const partial = partialOf(file);
    const layer = await make(partial);
    fs.rmSync(note, { force: true });
    fs.renameSync(partial, file);
    fs.writeFileSync(`${note}.new`, JSON.stringify(layer));
    fs.renameSync(`${note}.new`, note);
    return { ...layer, file };
  });
}

function nodeHash(): string {
  return shortHash(...MANIFESTS.map((name) => fs.readFileSync(path.join(NODE_SOURCE, name), "utf8")));
}

/** The Node program from npm, in the committed version. */
async function ensureNode(): Promise<string> {
  const folder = path.join(cacheRoot(process.env), "images", `node-${nodeHash()}`);
  const program = path.join(folder, "node_modules", `node-linux-${process.arch}`, "bin", "node");
  if (fs.existsSync(program)) return program;
  const partial = partialOf(folder);
  fs.mkdirSync(partial, { recursive: true });
  for (const name of MANIFESTS) fs.copyFileSync(path.join(NODE_SOURCE, name), path.join(partial, name));
  await installLocked(partial, "Node for the images");
  fs.rmSync(folder, { recursive: true, force: true });
  fs.renameSync(partial, folder);
  if (!fs.existsSync(program)) throw new Error(`npm has no Node for linux ${process.arch}.`);
  return program;
}
