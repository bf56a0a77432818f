import * as fs from "node:fs";
import * as path from "node:path";
import { hasCode, listFolder, readTextIfExists } from "../support/files";
import { forgetGuest, guestsOf, noteGuest } from "./guests";
import { filesLayout, linksOf, type Placement } from "./layout";

function linkTarget(file: string): string | undefined {
  try {
    return fs.readlinkSync(file);
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR") || hasCode(error, "EINVAL")) return undefined;
    throw error;
  }
}

/** True where the instance's storage shows the files. */
export function areLinked(root: string, placement: Placement): boolean {
  return linksOf(root, placement).every(([link, target]) => linkTarget(link) === target);
}

/**
 * Shows the files in the instance's storage. Throws where something of its own is in the way: it may be data.
 * An empty folder is none; NocoBase makes some at its start.
 */
export function linkFiles(root: string, placement: Placement): void {
  noteGuest(root, placement);
  for (const [link, target] of linksOf(root, placement)) {
    const there = linkTarget(link);
    if (there === target) continue;
    const stat = fs.lstatSync(link, { throwIfNoEntry: false });
    if (stat && there === undefined) {
      if (!stat.isDirectory() || fs.readdirSync(link).length > 0) {
        throw new Error(
          `${link} holds something that fleet didn't put there. Move it away, then run this again.`,
        );
      }
      fs.rmdirSync(link);
    }
    fs.mkdirSync(path.dirname(link), { recursive: true, mode: 0o700 });
    fs.rmSync(`${link}.new`, { force: true });
    fs.symlinkSync(target, `${link}.new`);
    fs.renameSync(`${link}.new`, link);
  }
}

/** Takes the links away, where they still lead to these files. */
export function unlinkFiles(root: string, placement: Placement): void {
  forgetGuest(root, placement);
  for (const [link, target] of linksOf(root, placement)) {
    if (linkTarget(link) === target) fs.rmSync(link);
  }
}

/** Links the files of all apps placed in an instance; for one whose storage was made anew. */
export function linkFilesOfInstance(root: string, instance: string): void {
  for (const name of listFolder(path.join(root, "files"))) {
    const placement = placementOf(root, name);
    if (placement?.instance === instance && placement.instanceRoot === undefined) linkFiles(root, placement);
  }
  for (const guest of guestsOf(root, instance)) {
    const placement = placementOf(guest.root, guest.name);
    if (placement?.instance === instance && placement.instanceRoot === root) linkFiles(guest.root, placement);
  }
}

function placementOf(root: string, name: string): Placement | undefined {
  const text = readTextIfExists(filesLayout(root, name).owner);
  return text === undefined ? undefined : (JSON.parse(text) as { placement?: Placement }).placement;
}
