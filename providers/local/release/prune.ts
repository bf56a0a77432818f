import * as fs from "node:fs/promises";
import * as path from "node:path";

/** Source maps, type declarations and docs: a third of the bytes and nearly half of the files, used by no server. */
const UNUSED = /\.(map|d\.ts|d\.mts|d\.cts)$/;
/** NocoBase's own Markdown stays: plugins read some at run time. */
const UNUSED_DOCS = /\.md$/i;
/** Sources of the web client; the server ships the built one. */
const UNUSED_FOLDERS = ["@nocobase/app/client", "@nocobase/app/client-v2"];

/** Removes what no server needs from an installed `node_modules`. Returns the number of files removed. */
export async function pruneModules(modules: string): Promise<number> {
  for (const folder of UNUSED_FOLDERS)
    await fs.rm(path.join(modules, folder), { recursive: true, force: true });
  return pruneFolder(modules, false);
}

async function pruneFolder(folder: string, nocobase: boolean): Promise<number> {
  let removed = 0;
  for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      removed += await pruneFolder(file, nocobase || entry.name === "@nocobase");
    } else if (entry.isFile() && (UNUSED.test(entry.name) || (!nocobase && UNUSED_DOCS.test(entry.name)))) {
      await fs.unlink(file);
      removed += 1;
    }
  }
  return removed;
}
