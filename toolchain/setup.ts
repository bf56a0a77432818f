/** `fleet setup`: readies the machine for plain `pulumi preview` and `pulumi up`. */
import * as fs from "node:fs";
import * as path from "node:path";
import { backendEnvironment } from "./backend";
import { contextOf, ensureToolchain, pathFolders, type Toolchain, type ToolchainOptions } from "./ensure";

/** Where {@link setupToolchain} writes. */
export function activationFile(projectDir: string): string {
  return path.join(projectDir, ".fleet", "env.sh");
}

/**
 * {@link ensureToolchain} with another try at official downloads, and writes `.fleet/env.sh`: in a shell that has
 * read it, plain `pulumi` runs the same program on the same engine, plugins and state as `fleet` does. The file holds
 * no secret.
 * @returns lines for the user: what was taken, and how to go on
 */
export async function setupToolchain(options: ToolchainOptions = {}): Promise<string[]> {
  const { projectDir, env } = contextOf(options);
  const toolchain = await ensureToolchain({ retryDownloads: true, ...options });
  const variables = { ...toolchain.env, ...backendEnvironment(projectDir, env) };
  // PATH as an addition: the shell that reads the file may have another one than this process.
  const added = pathFolders(toolchain.engine, toolchain.languageHost).map(quote);
  const file = activationFile(projectDir);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const script = [
    "# Written by `fleet setup`. Read it into a shell before plain `pulumi`: . .fleet/env.sh",
    ...Object.entries(variables).map(([name, value]) =>
      name === "PATH" ? `export PATH=${[...added, '"$PATH"'].join(":")}` : `export ${name}=${quote(value)}`,
    ),
  ];
  fs.writeFileSync(file, `${script.join("\n")}\n`);
  return [
    ...describeToolchain(toolchain),
    "Plain `pulumi preview` and `pulumi up` work in a shell after:",
    `  . ${quote(file)}`,
  ];
}

/** What was taken, one line each. */
export function describeToolchain({ engine, languageHost, plugins }: Toolchain): string[] {
  const sources = { path: "from PATH", download: "official download", "go-build": "built from Go modules" };
  return [
    `Engine: Pulumi ${engine.version}, ${sources[engine.source]} (${engine.path})`,
    `Language host: ${languageHost.source === "ours" ? "the project's own" : "official"} (${languageHost.path})`,
    ...plugins.map(({ name, version, source }) => `Plugin ${name} ${version}: ${source}`),
  ];
}

/** Quotes for POSIX shells. */
function quote(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
