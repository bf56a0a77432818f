import * as fs from "node:fs";
import * as path from "node:path";
import { listFolder } from "../support/files";
import { instanceLayout } from "./unit";

/** Parts of a storage that may hold what users made; the rest (logs, caches, sockets) comes again. */
const KEPT = ["uploads", "backups"];

/**
 * Removes an instance's folder. Files of users that lie in it, and not behind the links to the apps' own folders,
 * are moved to `<root>/kept/`; returns where, or undefined where there were none.
 */
export function removeStorage(root: string, name: string): string | undefined {
  const { folder, storage } = instanceLayout(root, name);
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const kept = path.join(root, "kept", `${name}-${stamp}`);
  let found = false;
  for (const part of KEPT) {
    for (const entry of listFolder(path.join(storage, part))) {
      const file = path.join(storage, part, entry);
      const stat = fs.lstatSync(file);
      if (stat.isSymbolicLink() || (stat.isDirectory() && fs.readdirSync(file).length === 0)) continue;
      found = true;
      fs.mkdirSync(path.join(kept, part), { recursive: true, mode: 0o700 });
      fs.renameSync(file, path.join(kept, part, entry));
    }
  }
  fs.rmSync(folder, { recursive: true, force: true });
  return found ? kept : undefined;
}
