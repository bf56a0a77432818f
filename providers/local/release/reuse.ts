import * as fs from "node:fs";
import * as path from "node:path";
import { isDeepStrictEqual } from "node:util";

interface Lockfile {
  packages: Record<string, { dependencies?: Record<string, string>; link?: boolean; resolved?: string }>;
}

/**
 * Takes over the packages of an install that has the same ones, as hard links: seconds where npm needs minutes. Our own
 * plugins are not among them, `folder` has its own. Returns false where there is none, or links can't be made.
 */
export async function reuseInstall(others: readonly string[], folder: string): Promise<boolean> {
  const wanted = foreignPackages(folder);
  const source = others.find((other) => isDeepStrictEqual(foreignPackages(other), wanted));
  if (source === undefined) return false;
  const modules = path.join(folder, "node_modules");
  try {
    await linkTree(path.join(source, "node_modules"), modules);
  } catch {
    // Another file system, or one without hard links: npm does it.
    fs.rmSync(modules, { recursive: true, force: true });
    return false;
  }
  // Links of the other install may be of plugins that this one hasn't got.
  for (const [name] of ownPackages(source)) fs.rmSync(path.join(folder, name), { force: true });
  for (const [name, target] of ownPackages(folder)) {
    const link = path.join(folder, name);
    fs.mkdirSync(path.dirname(link), { recursive: true });
    fs.rmSync(link, { recursive: true, force: true });
    fs.symlinkSync(path.relative(path.dirname(link), path.join(folder, target)), link);
  }
  return true;
}

function readLock(folder: string): Lockfile {
  return JSON.parse(fs.readFileSync(path.join(folder, "package-lock.json"), "utf8")) as Lockfile;
}

/** Links in node_modules to our own plugins, and where they point to. */
function ownPackages(folder: string): [string, string][] {
  return Object.entries(readLock(folder).packages).flatMap(([name, { link, resolved }]) =>
    link === true && resolved !== undefined ? [[name, resolved]] : [],
  );
}

/** What npm installs from a registry by a lockfile. */
function foreignPackages(folder: string): Record<string, unknown> | undefined {
  try {
    const { packages } = readLock(folder);
    return Object.fromEntries(
      Object.entries(packages).filter(([name, entry]) => name.startsWith("node_modules/") && !entry.link),
    );
  } catch {
    return undefined;
  }
}

async function linkTree(source: string, target: string): Promise<void> {
  await fs.promises.mkdir(target);
  for (const entry of await fs.promises.readdir(source, { withFileTypes: true })) {
    const from = path.join(source, entry.name);
    const to = path.join(target, entry.name);
    if (entry.isDirectory()) await linkTree(from, to);
    else if (entry.isSymbolicLink()) await fs.promises.symlink(await fs.promises.readlink(from), to);
    else await fs.promises.link(from, to);
  }
}
