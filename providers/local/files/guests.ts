/** Which apps of other stacks an instance serves: a small file for each, below the instance's own root. */
import * as fs from "node:fs";
import * as path from "node:path";
import { shortHash } from "../../../toolchain/locations";
import { ensureFolder, listFolder, readTextIfExists, writeFileIfChanged } from "../support/files";
import type { Placement } from "./layout";

/** Where to find the files of an app of another stack. */
export interface Guest {
  /** Root of the app's own stack. */
  root: string;
  /** The stack's name. */
  stack: string;
  /** Name of the files folder. */
  name: string;
  /** Instance that serves them. */
  instance: string;
}

const folderOf = (instanceRoot: string) => path.join(instanceRoot, "guests");

function fileOf(instanceRoot: string, root: string, name: string): string {
  return path.join(folderOf(instanceRoot), `${name}-${shortHash(root)}.json`);
}

/** Notes a guest with the stack whose instance serves it; nothing for files of the same stack. */
export function noteGuest(root: string, { instanceRoot, instance, name }: Placement): void {
  if (instanceRoot === undefined) return;
  ensureFolder(folderOf(instanceRoot));
  const guest: Guest = { root, stack: path.basename(root), name, instance };
  writeFileIfChanged(fileOf(instanceRoot, root, name), JSON.stringify(guest, undefined, 1));
}

/** Takes the note away. */
export function forgetGuest(root: string, { instanceRoot, name }: Placement): void {
  if (instanceRoot !== undefined) fs.rmSync(fileOf(instanceRoot, root, name), { force: true });
}

/** Guests of one instance of the stack below `instanceRoot`, by name. */
export function guestsOf(instanceRoot: string, instance: string): Guest[] {
  return listFolder(folderOf(instanceRoot))
    .filter((file) => file.endsWith(".json"))
    .sort()
    .flatMap((file): Guest[] => {
      const text = readTextIfExists(path.join(folderOf(instanceRoot), file));
      return text === undefined ? [] : [JSON.parse(text) as Guest];
    })
    .filter((guest) => guest.instance === instance);
}
