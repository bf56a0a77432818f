import * as fs from "node:fs";
import * as path from "node:path";
import { canEnter, type OsUser } from "./os-user";

/** Makes a stack's root folder, closed to others. */
export function ensureRoot(root: string): void {
  fs.mkdirSync(root, { recursive: true, mode: 0o700 });
}

/**
 * Lets an OS user pass through a stack's root (not list it). Only the root and its parents named `.fleet` or
 * `nocobase-fleet*` are opened, since those are ours. Throws, naming the folder that is closed, where that isn't enough.
 */
export function openForUser(user: OsUser, root: string): void {
  if (canEnter(user, root)) return;
  const chain: string[] = [];
  for (let folder = root; folder !== path.dirname(folder); folder = path.dirname(folder))
    chain.unshift(folder);
  for (const folder of chain) {
    if (canEnter(user, folder)) continue;
    const ours =
      folder === root || folder === path.dirname(root) || path.basename(folder).startsWith("nocobase-fleet");
    if (ours) fs.chmodSync(folder, (fs.statSync(folder).mode & 0o777) | 0o011);
    if (!canEnter(user, folder)) {
      throw new Error(
        `PostgreSQL runs as OS user ${user.name}, since it refuses to run as root, and ${user.name} can't pass through ` +
          `${folder}. Allow that (chmod o+x ${folder}), keep the project elsewhere, or run fleet as an ordinary user.`,
      );
    }
  }
}
