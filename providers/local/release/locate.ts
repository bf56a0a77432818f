import * as fs from "node:fs";
import * as path from "node:path";
import { cacheRoot, shortHash } from "../../../toolchain/locations";

/** Raised when what is done after `npm ci` changes, so that older installs are not taken for current. */
const LAYOUT = "1";
const RELEASES = path.join(path.dirname(__dirname), "releases");
/** Files that decide what gets installed. */
export const MANIFESTS = ["package.json", "package-lock.json", ".npmrc"] as const;

/** NocoBase versions with a committed lockfile, sorted. */
export function knownReleases(): string[] {
  return fs.readdirSync(RELEASES).sort();
}

/** Folder with the manifests of a version. Throws, naming the known versions, where there is none. */
export function releaseSource(version: string): string {
  if (!knownReleases().includes(version)) {
    throw new Error(
      `NocoBase ${version} has no committed lockfile; known: ${knownReleases().join(", ")}. ` +
        `To add one, put package.json, .npmrc and package-lock.json into providers/local/releases/${version}/.`,
    );
  }
  return path.join(RELEASES, version);
}

/** Where a version is installed: one folder per version and lockfile. */
export function releaseFolder(version: string): string {
  const source = releaseSource(version);
  const hash = shortHash(LAYOUT, ...MANIFESTS.map((name) => fs.readFileSync(path.join(source, name))));
  return path.join(cacheRoot(process.env), "nocobase", `${version}-${hash}`);
}

/** Whether a version is installed whole: its folder appears by a rename, after everything else. */
export function isReleaseInstalled(version: string): boolean {
  return fs.existsSync(path.join(releaseFolder(version), "node_modules", "@nocobase", "app", "package.json"));
}
