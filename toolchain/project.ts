import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_DIR } from "./locations";

/**
 * Folder of the Pulumi project to work on: the nearest one with a `Pulumi.yaml` from the working folder upwards, as
 * Pulumi itself looks for it, else this checkout.
 */
export function projectDirectory(from = process.cwd()): string {
  for (let folder = path.resolve(from); ; folder = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, "Pulumi.yaml"))) return folder;
    if (folder === path.dirname(folder)) return PROJECT_DIR;
  }
}

/** Name of the project in Pulumi.yaml: part of every resource's name in the state, and of labels in Docker. */
export const PROJECT = "nocobase-fleet";
