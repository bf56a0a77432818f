/** Whose a files folder is: a mark beside the files, so that no foreign folder is taken over by its name. */
import * as fs from "node:fs";
import { ensureFolder, readTextIfExists, syncToDisk, writeFileAtomic } from "../support/files";
import { filesLayout, type Placement } from "./layout";

/** Contents of `owner.json`. */
export interface Owner {
  /** `<project>/<stack>`. */
  stack: string;
  placement: Placement;
  /** ISO time at which the app left the stack and its files stayed. */
  retainedAt?: string;
}

/** `<project>/<stack>` of a URN (urn:pulumi:<stack>::<project>::…). */
export function stackOf(urn: string): string {
  const [head = "", project = ""] = urn.split("::");
  return `${project}/${head.split(":").pop() ?? ""}`;
}

/** The mark of a files folder; undefined where there is none. */
export function ownerOf(root: string, name: string): Owner | undefined {
  const text = readTextIfExists(filesLayout(root, name).owner);
  return text === undefined ? undefined : (JSON.parse(text) as Owner);
}

/** Writes the mark. */
export function markOwner(root: string, owner: Owner): void {
  writeFileAtomic(filesLayout(root, owner.placement.name).owner, JSON.stringify(owner, undefined, 1));
}

export interface ClaimRequest {
  stack: string;
  placement: Placement;
  /** 64 hex digits. */
  aesKey: string;
}

/**
 * Makes the files folder, or takes back one that this stack left. The AES key is written once and never overwritten:
 * a retained folder keeps the key its data was encrypted with. Returns a note for the user, where there is one.
 * Throws, naming the folder, where it is someone else's or holds another key.
 */
export function claimFiles(root: string, request: ClaimRequest): string | undefined {
  const { stack, placement } = request;
  const layout = filesLayout(root, placement.name);
  const owner = ownerOf(root, placement.name);
  if (!owner && fs.existsSync(layout.folder) && fs.readdirSync(layout.folder).length > 0) {
    throw new Error(
      `${layout.folder} exists and was not made by fleet (it has no owner.json). Move it away, or give the app another key.`,
    );
  }
  if (owner && (owner.stack !== stack || owner.placement.key !== placement.key)) {
    throw new Error(
      `${layout.folder} belongs to app ${owner.placement.key} of stack ${owner.stack}. Move it away, or give the app another key.`,
    );
  }
  ensureFolder(layout.folder);
  // The mark comes first: a run cut short here finds its own folder again.
  if (!owner) markOwner(root, { stack, placement });
  ensureFolder(layout.uploads);
  ensureFolder(layout.backups);
  const key = Buffer.from(request.aesKey, "hex");
  if (!fs.existsSync(layout.aesKey)) {
    writeFileAtomic(layout.aesKey, key);
    syncToDisk(layout.folder);
    return undefined;
  }
  if (fs.readFileSync(layout.aesKey).equals(key)) return undefined;
  if (owner?.retainedAt !== undefined) {
    return `${layout.folder}, retained since ${owner.retainedAt}, is in use again, with the AES key it was made with.`;
  }
  throw new Error(
    `${layout.aesKey} is not the AES key this stack holds for ${placement.name}: fields stored with it would become unreadable, ` +
      "so it is not overwritten. Bring back the stack state that made it, or move the folder away to begin anew.",
  );
}
