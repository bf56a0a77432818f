import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { listFolder } from "./files";

/**
 * A path beside `target` to make something at before it is renamed to `target`. What earlier runs left there is
 * removed. The path is new each time: a child of a killed run may still be writing to the old one.
 */
export function partialOf(target: string): string {
  const folder = path.dirname(target);
  const prefix = `${path.basename(target)}.partial-`;
  for (const name of listFolder(folder)) {
    if (name.startsWith(prefix))
      fs.rmSync(path.join(folder, name), { recursive: true, force: true, maxRetries: 3 });
  }
  return path.join(folder, prefix + randomBytes(4).toString("hex"));
}
