/** Finds PostgreSQL's programs on this machine. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { findOnPath, isExecutable } from "../../../toolchain/process";

/** Oldest major version that NocoBase 2.2 and the fleet's grants are run with. */
export const OLDEST_MAJOR = 13;

/** A server with what is needed to make one. */
export interface ServerBinaries {
  folder: string;
  /** e.g. `15.18`. */
  version: string;
  major: number;
  /** True for the binaries from npm, which lack pg_dump and pg_restore. */
  embedded: boolean;
}

/** Version that a PostgreSQL program tells of itself, e.g. `15.18`; undefined where it can't run. */
export function versionOf(program: string): string | undefined {
  const result = spawnSync(program, ["--version"], { encoding: "utf8", env: { PATH: process.env.PATH } });
  return /\(PostgreSQL\) (\d+[\w.]*)/.exec(result.stdout)?.[1];
}

/** Number before the first dot. */
export function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

/** Folders that may hold PostgreSQL programs: Debian's versions (newest first), pg_config's, and those of PATH. */
function candidateFolders(): string[] {
  const debian = "/usr/lib/postgresql";
  const versions = fs.existsSync(debian) ? fs.readdirSync(debian) : [];
  const found = versions
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(b) - Number(a))
    .map((name) => path.join(debian, name, "bin"));
  const pgConfig = findOnPath("pg_config", process.env.PATH);
  if (pgConfig) found.push(spawnSync(pgConfig, ["--bindir"], { encoding: "utf8" }).stdout.trim());
  for (const name of ["initdb", "pg_dump"]) {
    const program = findOnPath(name, process.env.PATH);
    // A link such as /usr/bin/initdb leads to the folder that holds the rest.
    if (program) found.push(path.dirname(fs.realpathSync(program)), path.dirname(program));
  }
  return [...new Set(found.filter((folder) => folder !== ""))];
}

/** Whole installations of this machine, newest first: one folder with server, initdb, pg_dump and pg_restore of a version that is new enough. */
export function findServers(): ServerBinaries[] {
  const servers: ServerBinaries[] = [];
  for (const folder of candidateFolders()) {
    const whole = ["initdb", "postgres", "pg_dump", "pg_restore"].every((name) =>
      isExecutable(path.join(folder, name)),
    );
    const version = whole ? versionOf(path.join(folder, "postgres")) : undefined;
    if (version === undefined || majorOf(version) < OLDEST_MAJOR) continue;
    servers.push({ folder, version, major: majorOf(version), embedded: false });
  }
  return servers.sort((a, b) => b.major - a.major);
}

/** pg_dump and pg_restore of one folder. */
export interface DumpTools {
  pgDump: string;
  pgRestore: string;
  version: string;
}

/** The newest pg_dump with its pg_restore, or undefined. */
export function findDumpTools(): DumpTools | undefined {
  const tools: DumpTools[] = [];
  for (const folder of candidateFolders()) {
    const [pgDump, pgRestore] = [path.join(folder, "pg_dump"), path.join(folder, "pg_restore")];
    if (!isExecutable(pgDump) || !isExecutable(pgRestore)) continue;
    const version = versionOf(pgDump);
    if (version !== undefined) tools.push({ pgDump, pgRestore, version });
  }
  return tools.sort((a, b) => majorOf(b.version) - majorOf(a.version))[0];
}

/** How to get pg_dump, for error messages. */
export const DUMP_TOOLS_ADVICE =
  "Install PostgreSQL's client programs (Debian: apt-get install postgresql-client).";
