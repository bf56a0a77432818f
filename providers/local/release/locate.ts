import * as fs from "node:fs";
import * as path from "node:path";
import { cacheRoot, PROJECT_DIR, shortHash } from "../../../toolchain/locations";
import { pluginSources } from "../../../plugins/build";
import { listFolder, readTextIfExists } from "../support/files";

/** Raised when what is done after `npm ci` changes, so that older installs are not taken for current. */
const LAYOUT = "1";
const RELEASES = path.join(PROJECT_DIR, "providers", "local", "releases");
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

/** Where a version is installed: one folder per version, lockfile and state of our own plugins. */
export function releaseFolder(version: string): string {
  const source = releaseSource(version);
  const manifests = MANIFESTS.map((name) => fs.readFileSync(path.join(source, name)));
  const hash = shortHash(LAYOUT, ...manifests, pluginHash());
  return path.join(cacheRoot(process.env), "nocobase", `${version}-${hash}`);
}

/** Notes in an install by which layout it was made. */
export function writeLayout(folder: string): void {
  fs.writeFileSync(path.join(folder, "layout"), LAYOUT);
}

/** Installs from before the note was written have the first one. */
function layoutOf(folder: string): string {
  return readTextIfExists(path.join(folder, "layout")) ?? "1";
}

let ownPlugins: string | undefined;

function pluginHash(): string {
  ownPlugins ??= shortHash(...pluginSources().map((file) => fs.readFileSync(file)));
  return ownPlugins;
}

/** Whole installs of a version beside `folder`, which may differ from it in lockfile and plugins; newest first. */
export function otherInstalls(version: string, folder: string): string[] {
  const parent = path.dirname(folder);
  return listFolder(parent)
    .filter((name) => name.startsWith(`${version}-`) && !/\.(partial-.*|lock)$/.test(name))
    .map((name) => path.join(parent, name))
    .filter((other) => other !== folder && isWhole(other) && layoutOf(other) === LAYOUT)
    .sort((a, b) => fs.statSync(b).mtimeMs - fs.statSync(a).mtimeMs);
}

/** Whether a version is installed whole: its folder appears by a rename, after everything else. */
export function isReleaseInstalled(version: string): boolean {
  return isWhole(releaseFolder(version));
}

function isWhole(folder: string): boolean {
  return fs.existsSync(path.join(folder, "node_modules", "@nocobase", "app", "package.json"));
}
