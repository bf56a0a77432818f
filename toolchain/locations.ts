/** Where the toolchain reads and keeps its things. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { createHash } from "node:crypto";

/** Folder of this project: the one with package.json and Pulumi.yaml. */
export const PROJECT_DIR = findProject(__dirname);

/** Looks for it upwards: in a bundle (see typescript.cjs), `__dirname` is the folder of the program that it began in. */
function findProject(from: string): string {
  for (let folder = from; ; folder = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, "Pulumi.yaml"))) return folder;
    // A stand-in plugin, copied to where the engine looks for it: it needs none of the project's files.
    if (folder === path.dirname(folder)) return path.dirname(from);
  }
}

/**
 * Folder for what can be had again (engine, plugins, releases): NOCOBASE_FLEET_CACHE, else
 * `nocobase-fleet` in XDG_CACHE_HOME or ~/.cache. A relative XDG_CACHE_HOME is ignored, as its specification asks.
 */
export function cacheRoot(env: NodeJS.ProcessEnv): string {
  if (env.NOCOBASE_FLEET_CACHE) return path.resolve(env.NOCOBASE_FLEET_CACHE);
  const xdg = env.XDG_CACHE_HOME;
  const base = xdg && path.isAbsolute(xdg) ? xdg : path.join(homeOf(env), ".cache");
  return path.join(base, "nocobase-fleet");
}

/** Home folder of the environment's user. */
export function homeOf(env: NodeJS.ProcessEnv): string {
  return env.HOME && env.HOME !== "" ? env.HOME : os.homedir();
}

/** Whether `file` lies in `folder` or is it. */
export function isInside(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative === "" || (!relative.startsWith("..") && !path.isAbsolute(relative));
}

/** The first 12 hex digits of the SHA-256 of the texts: enough to tell contents apart in a folder name. */
export function shortHash(...texts: (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text).update("\0");
  return hash.digest("hex").slice(0, 12);
}
