/** Which versions the project runs on. Each is stated once: in go.mod (engine) or by an installed npm package. */
import * as fs from "node:fs";
import * as path from "node:path";

export type Version = readonly [major: number, minor: number, patch: number];

/** Reads `v3.256.0`, `3.256.0-alpha.1`, …; undefined where the text begins with no version. */
export function parseVersion(text: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text.trim());
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

/** Below zero where `a` is older than `b`, above where newer. Pre-release tags are not looked at. */
export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** What is wrong with an engine of version `found`; undefined where it will do. */
export function engineFault(found: string, minimum: string): string | undefined {
  const [version, least] = [parseVersion(found), parseVersion(minimum)];
  if (!version || !least) return `answers "${found}" to \`pulumi version\`, which is no version`;
  if (version[0] !== least[0]) return `is version ${found}; needed is major version ${least[0]}`;
  return compareVersions(version, least) < 0
    ? `is version ${found}; needed is ${minimum} or later`
    : undefined;
}

/** Folder of the Go module that pins the engine. */
export function engineModuleDir(projectDir: string): string {
  return path.join(projectDir, "toolchain", "engine");
}

/** The engine's Go package. */
export const ENGINE_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";

/**
 * The engine version that toolchain/engine/go.mod pins, without its `v`, e.g. `3.256.0`.
 * @throws Error where go.mod does not name it
 */
export function pinnedEngineVersion(projectDir: string): string {
  const file = path.join(engineModuleDir(projectDir), "go.mod");
  const match = /^\s*(?:require\s+)?github\.com\/pulumi\/pulumi\/pkg\/v3 v(\S+)/m.exec(
    fs.readFileSync(file, "utf8"),
  );
  if (!match?.[1]) throw new Error(`${file} does not require github.com/pulumi/pulumi/pkg/v3.`);
  return match[1];
}

interface PackageJson {
  version: string;
  pulumi?: { resource?: boolean; name?: string; version?: string };
  dependencies?: Record<string, string>;
}

function readPackage(projectDir: string, name: string): PackageJson {
  const file = path.join(projectDir, "node_modules", name, "package.json");
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as PackageJson;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error(`The npm package ${name} is not installed in ${projectDir}. Run \`npm ci\` there first.`);
  }
}

/**
 * The oldest engine that will do: the version of the installed @pulumi/pulumi SDK. An older engine does not know
 * resource options that the SDK sends (`replacementTrigger` among them) and drops them without a word.
 */
export function minimumEngineVersion(projectDir: string): string {
  return readPackage(projectDir, "@pulumi/pulumi").version;
}

export interface PluginVersion {
  /** e.g. `random` */
  name: string;
  /** Without `v`, e.g. `4.21.2`. */
  version: string;
}

/**
 * The resource plugins that the project's direct dependencies ask for (`pulumi.resource` in their package.json), in
 * the version that each package was made for, sorted by name.
 */
export function requiredPlugins(projectDir: string): PluginVersion[] {
  const file = path.join(projectDir, "package.json");
  const project = JSON.parse(fs.readFileSync(file, "utf8")) as PackageJson;
  return Object.keys(project.dependencies ?? {})
    .filter((name) => name.startsWith("@pulumi/"))
    .sort()
    .flatMap((name) => {
      const found = readPackage(projectDir, name);
      if (!found.pulumi?.resource) return [];
      const version = (found.pulumi.version ?? found.version).replace(/^v/, "");
      return [{ name: found.pulumi.name ?? name.slice("@pulumi/".length), version }];
    });
}
