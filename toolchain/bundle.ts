/**
 * One JavaScript file out of a TypeScript program and what it imports.
 *
 * Plugins start four times for each run: a bundle starts in about a third of the time that the same program needs
 * under tsx, and it goes on working where it is copied to, with no node_modules beside it.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { build } from "esbuild";

export interface Bundle {
  /** The program, with a `node` shebang as its first line. */
  text: string;
  /** The sources that went in, without those from node_modules. */
  inputs: string[];
}

/**
 * Bundles the program that begins in `entry`.
 * @throws Error naming the entry and the first faults
 */
export async function bundle(entry: string, projectDir: string): Promise<Bundle> {
  const built = await build({
    entryPoints: [entry],
    absWorkingDir: projectDir,
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    // Node prints these names in stack traces, and gRPC compares class names.
    keepNames: true,
    minifyWhitespace: true,
    banner: { js: "#!/usr/bin/env node" },
    // Optional native parts of pg and of ssh2 (in the Docker client), which do without when they are not there.
    external: ["pg-native", "cpu-features", "*.node"],
    logLevel: "silent",
  }).catch((error: unknown) => {
    throw new Error(`${entry} can't be bundled: ${error instanceof Error ? error.message : String(error)}`);
  });
  const text = built.outputFiles[0]?.text ?? "";
  const inputs = Object.keys(built.metafile.inputs)
    .filter((input) => !input.includes("node_modules/"))
    .map((input) => path.resolve(projectDir, input));
  return { text, inputs };
}

/** What tells quickly that sources are as they were: size and time of each, and which npm packages are installed. */
export function fingerprint(inputs: readonly string[], projectDir: string): string {
  const lock = path.join(projectDir, "node_modules", ".package-lock.json");
  return [...inputs, lock]
    .map((file) => {
      const stat = fs.statSync(file, { throwIfNoEntry: false });
      return `${file} ${stat?.size ?? "gone"} ${stat?.mtimeMs ?? ""}`;
    })
    .join("\n");
}
