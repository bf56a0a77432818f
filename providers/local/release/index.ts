/** NocoBase installed once per version and lockfile, shared by all instances of all stacks of this user. */
import * as fs from "node:fs";
import * as path from "node:path";
import { buildPlugins } from "../../../plugins/build";
import { PROJECT_DIR } from "../../../toolchain/locations";
import { withLock } from "../../../toolchain/lock";
import { run, tail } from "../../../toolchain/process";
import { noProgress, withHeartbeat, type Progress, type ProgressPart } from "../../../toolchain/progress";
import { listFolder } from "../support/files";
import { partialOf } from "../support/partial";
import { installLocked } from "../support/npm";
import {
  isReleaseInstalled,
  MANIFESTS,
  otherInstalls,
  releaseFolder,
  releaseSource,
  writeLayout,
} from "./locate";
import { pruneModules } from "./prune";
import { reuseInstall } from "./reuse";

export { isReleaseInstalled, knownReleases, releaseFolder, releaseSource } from "./locate";

/** Measured for 2.2.15: 1,020 MiB on disk before pruning. */
const NEEDED_MIB = 1300;
const RENDER = path.join(PROJECT_DIR, "providers", "local", "launcher", "render.cjs");

export interface EnsureReleaseOptions {
  progress?: Progress;
}

/**
 * Makes sure a NocoBase version is installed and returns its folder (it holds `node_modules`). Callers side by side,
 * in other processes too, wait for the one that installs; what was cut short is cleared and done again.
 * Throws for unknown versions, full disks and failed installs; nothing half-made is ever taken for whole.
 */
export async function ensureRelease(version: string, options: EnsureReleaseOptions = {}): Promise<string> {
  const folder = releaseFolder(version);
  if (isReleaseInstalled(version)) return folder;
  const part = (options.progress ?? noProgress).start(`Installing NocoBase ${version}`);
  try {
    await withLock(
      `${folder}.lock`,
      async () => {
        if (isReleaseInstalled(version)) return;
        const partial = partialOf(folder);
        assertSpace(path.dirname(folder));
        copyManifests(releaseSource(version), partial);
        await buildPlugins(path.join(partial, "plugins"), version);
        if (!(await reuseInstall(otherInstalls(version, folder), partial))) {
          await installPackages(version, partial, part);
        }
        writeLayout(partial);
        clear(folder);
        fs.renameSync(partial, folder);
      },
      {
        onWait: (holder, seconds) =>
          part.step(`waiting for process ${holder.pid}, which installs it, ${seconds} s`),
      },
    );
  } catch (error) {
    part.failed("failed");
    throw error;
  }
  part.done(`installed in ${folder}`);
  return folder;
}

async function installPackages(version: string, folder: string, part: ProgressPart): Promise<void> {
  const modules = path.join(folder, "node_modules");
  const total = lockedPackages(folder);
  const describe = (seconds: number): string =>
    `${Math.min(countPackages(modules), total)} of ${total} packages, ${seconds} s`;
  await withHeartbeat(part, describe, () => installLocked(folder, `NocoBase ${version}`));
  part.step("removing files no server needs");
  await pruneModules(modules);
  await renderClient(folder);
}

function clear(folder: string): void {
  fs.rmSync(folder, { recursive: true, force: true });
}

function copyManifests(source: string, target: string): void {
  fs.mkdirSync(target, { recursive: true });
  for (const name of MANIFESTS) fs.copyFileSync(path.join(source, name), path.join(target, name));
}

function assertSpace(folder: string): void {
  const { bavail, bsize } = fs.statfsSync(folder);
  const freeMiB = Math.floor((bavail * bsize) / 1024 ** 2);
  if (freeMiB >= NEEDED_MIB) return;
  throw new Error(
    `NocoBase needs ${NEEDED_MIB} MiB while it is installed and ${folder} has ${freeMiB} MiB left. ` +
      "Free some space, or set NOCOBASE_FLEET_CACHE to a folder on a larger disk.",
  );
}

function lockedPackages(folder: string): number {
  const lock = JSON.parse(fs.readFileSync(path.join(folder, "package-lock.json"), "utf8")) as {
    packages: Record<string, unknown>;
  };
  return Object.keys(lock.packages).filter((name) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(name)).length;
}

function countPackages(modules: string): number {
  const names = listFolder(modules).filter((name) => !name.startsWith("."));
  const scoped = names.filter((name) => name.startsWith("@"));
  return (
    names.length -
    scoped.length +
    scoped.reduce((sum, scope) => sum + listFolder(path.join(modules, scope)).length, 0)
  );
}

/** Instances must not write into the shared install, so its index.html is rendered here, for the root path that all use. */
async function renderClient(folder: string): Promise<void> {
  const modules = path.join(folder, "node_modules");
  const storage = path.join(folder, "render-storage");
  const result = await run(process.execPath, [RENDER], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_ENV: "production",
      APP_ENV: "production",
      NODE_PATH: modules,
      NODE_MODULES_PATH: modules,
      NODE_OPTIONS: "--preserve-symlinks",
      STORAGE_PATH: storage,
      TZ: "UTC",
    },
  });
  clear(storage);
  if (result.code !== 0)
    throw new Error(`NocoBase's client can't be prepared:\n${tail(result.stdout + result.stderr)}`);
}
