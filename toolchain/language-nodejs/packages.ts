/** What npm packages a program has, and which plugins they need. */
import * as fs from "node:fs";
import * as path from "node:path";

/** The parts of a package.json that matter to the engine. */
export interface PackageJson {
  name?: string;
  version?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  pulumi?: { resource?: boolean; name?: string; version?: string; server?: string };
}

export interface RequiredPlugin {
  name: string;
  /** With a leading `v`. */
  version: string;
  /** Where to download it instead of the official place; empty for that place. */
  server: string;
}

export interface Dependency {
  name: string;
  version: string;
}

/** Reads a package.json; undefined where there is none or it is no JSON. */
export function readPackageJson(folder: string): PackageJson | undefined {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")) as PackageJson;
  } catch {
    return undefined;
  }
}

/**
 * Resource plugins that the packages in `node_modules` need, sorted by name. Packages nested in other packages'
 * `node_modules` are looked at too.
 */
export function requiredPlugins(programDir: string): RequiredPlugin[] {
  const found = new Map<string, RequiredPlugin>();
  for (const folder of packageFolders(path.join(programDir, "node_modules"))) {
    const manifest = readPackageJson(folder);
    if (!manifest?.pulumi?.resource) continue;
    const name = manifest.pulumi.name ?? manifest.name?.replace(/^@pulumi\//, "");
    const version = manifest.pulumi.version ?? manifest.version;
    if (!name || !version) continue;
    const plugin = { name, version: `v${version.replace(/^v/, "")}`, server: manifest.pulumi.server ?? "" };
    found.set(`${plugin.name} ${plugin.version}`, plugin);
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

function* packageFolders(nodeModules: string): Generator<string> {
  for (const entry of listFolders(nodeModules)) {
    const folders = entry.startsWith("@")
      ? listFolders(path.join(nodeModules, entry)).map((name) => path.join(nodeModules, entry, name))
      : [path.join(nodeModules, entry)];
    for (const folder of folders) {
      yield folder;
      yield* packageFolders(path.join(folder, "node_modules"));
    }
  }
}

/** Names of the folders (and links to folders) in a folder; none where it does not exist. */
function listFolders(folder: string): string[] {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith("."))
    .map((entry) => entry.name);
}

/**
 * A program's npm packages in their installed versions.
 * @param transitive all that are installed, not only those that package.json names
 */
export function programDependencies(programDir: string, transitive: boolean): Dependency[] {
  const nodeModules = path.join(programDir, "node_modules");
  const manifest = readPackageJson(programDir);
  const folders = transitive
    ? [...packageFolders(nodeModules)]
    : Object.keys({ ...manifest?.dependencies, ...manifest?.devDependencies }).map((name) =>
        path.join(nodeModules, name),
      );
  return folders
    .map((folder) => readPackageJson(folder))
    .flatMap((found) => (found?.name && found.version ? [{ name: found.name, version: found.version }] : []))
    .sort((a, b) => a.name.localeCompare(b.name));
}
