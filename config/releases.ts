import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_DIR } from "../toolchain/locations";

let known: readonly string[] | undefined;

/** NocoBase versions that can be installed on this machine: those with a committed lockfile, sorted. */
export function lockedReleases(): readonly string[] {
  if (known) return known;
  const folder = join(PROJECT_DIR, "providers", "local", "releases");
  known = readdirSync(folder)
    .filter((version) => existsSync(join(folder, version, "package-lock.json")))
    .sort();
  return known;
}
