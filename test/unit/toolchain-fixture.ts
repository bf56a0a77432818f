/** A small project with fake engines and a fake Go: real executables, of a few shell lines each. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

export interface Fixture {
  root: string;
  projectDir: string;
  cache: string;
  /** A folder on PATH, empty at first. */
  bin: string;
  /** What the fakes did: one line for each call. */
  calls(): string[];
  env: NodeJS.ProcessEnv;
  /** Writes an executable shell script. */
  script(file: string, ...lines: string[]): string;
  /** Writes a fake engine of this version. */
  engine(file: string, version: string): string;
  /** Writes a fake Go that builds a fake engine of this version. */
  go(version: string, ...beforeBuild: string[]): void;
  write(file: string, text: string): void;
  remove(): void;
}

/** Starts as an engine's plugin does: prints a port and stays. */
export const PLUGIN_MAIN = `console.log("4711"); setTimeout(() => undefined, 60_000);\n`;

export function fixture(): Fixture {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "toolchain-")));
  const projectDir = path.join(root, "project");
  const bin = path.join(root, "bin");
  const log = path.join(root, "calls");
  const write = (file: string, text: string): void => {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  };
  const script = (file: string, ...lines: string[]): string => {
    write(file, ["#!/bin/sh", ...lines, ""].join("\n"));
    fs.chmodSync(file, 0o755);
    return file;
  };
  // `plugin install resource NAME VERSION [--file FOLDER --reinstall]`, as the real engine lays files out.
  const engineLines = (version: string): string[] => [
    `echo "pulumi $*" >> ${log}`,
    `[ "$1" = version ] && { echo v${version}; exit 0; }`,
    `[ "$6" = --file ] || { echo "error: 403 no downloads here" >&2; exit 1; }`,
    `to="$PULUMI_HOME/plugins/resource-$4-v$5"; rm -rf "$to"; mkdir -p "$to"; cp -r "$7"/. "$to"`,
  ];
  const project = (file: string, text: string): void => write(path.join(projectDir, file), text);
  project(
    "package.json",
    JSON.stringify({ dependencies: { "@pulumi/pulumi": "1", "@pulumi/random": "1", tsx: "1" } }),
  );
  project("node_modules/@pulumi/pulumi/package.json", JSON.stringify({ version: "3.248.0" }));
  project(
    "node_modules/@pulumi/random/package.json",
    JSON.stringify({ version: "4.21.2", pulumi: { resource: true, name: "random" } }),
  );
  project(
    "toolchain/engine/go.mod",
    "module x\n\nrequire (\n\tgithub.com/pulumi/pulumi/pkg/v3 v3.256.0 // indirect\n)\n",
  );
  project("toolchain/engine/go.sum", "sum 1\n");
  project("toolchain/plugins/random/main.ts", PLUGIN_MAIN);
  project("toolchain/language-nodejs/main.ts", PLUGIN_MAIN);
  fs.mkdirSync(bin);
  return {
    root,
    projectDir,
    cache: path.join(root, "cache"),
    bin,
    calls: () => (fs.existsSync(log) ? fs.readFileSync(log, "utf8").trim().split("\n") : []),
    env: {
      PATH: `${bin}:/usr/bin:/bin:${path.dirname(process.execPath)}`,
      HOME: path.join(root, "home"),
      NOCOBASE_FLEET_CACHE: path.join(root, "cache"),
    },
    script,
    engine: (file, version) => script(file, ...engineLines(version)),
    go(version, ...beforeBuild) {
      const made = script(path.join(root, `made-${version}`), ...engineLines(version));
      script(
        path.join(bin, "go"),
        `echo "go $1" >> ${log}`,
        `[ "$1" = env ] && { echo go1.26.0; exit 0; }`,
        ...beforeBuild,
        `while [ "$1" != -o ]; do shift; done`,
        `cp ${made} "$2"`,
      );
    },
    write,
    remove: () => fs.rmSync(root, { recursive: true, force: true }),
  };
}
