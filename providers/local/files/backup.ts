/** A verified dump of an app's database and an archive of its files, before both go. */
import * as fs from "node:fs";
import * as path from "node:path";
import { run, tail, type RunResult } from "../../../toolchain/process";
import { DUMP_TOOLS_ADVICE, findDumpTools, majorOf, type DumpTools } from "../postgres/binaries";
import { queryDatabase, type ConnectionSettings } from "../support/database";
import { intoBackupFolder, writeManifest } from "./backup-folder";
import { filesLayout, type Placement } from "./layout";

/** Tables an app's role owns, wherever in its database. */
const COUNT_TABLES =
  "SELECT count(*)::int AS count FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";

/** Throws where this machine can't dump a database of the server, before anything is touched. */
export async function requireDumpTools(database: ConnectionSettings): Promise<DumpTools> {
  const tools = findDumpTools();
  if (!tools) throw new Error(`\`deletion: backup\` needs pg_dump and pg_restore. ${DUMP_TOOLS_ADVICE}`);
  const [row] = await queryDatabase<{ server_version: string }>(database, "SHOW server_version");
  const server = row?.server_version ?? "";
  if (majorOf(tools.version) < majorOf(server)) {
    throw new Error(
      `\`deletion: backup\` needs pg_dump of PostgreSQL ${majorOf(server)} or later for the server ` +
        `${database.host}:${database.port}; ${tools.pgDump} is ${tools.version}. ${DUMP_TOOLS_ADVICE}`,
    );
  }
  return tools;
}

const RESTORE = [
  "1. Declare the app again with `state: stopped`, and run `fleet up`: it gets a new database, role and files folder.",
  "2. pg_restore --clean --if-exists --no-owner --no-privileges -h HOST -p PORT -U ROLE -d DATABASE database.dump",
  "3. tar -xzf files.tar.gz -C FILES_FOLDER (uploads, archives, and the AES key of encrypted fields).",
  "4. Set `state: running` and run `fleet up`.",
];

export interface BackupRequest {
  placement: Placement;
  database: ConnectionSettings;
  status: (message: string) => void;
}

/**
 * Writes `<root>/backups/<name>-<UTC time>/` with database.dump (pg_dump's custom format), files.tar.gz (uploads,
 * archives, AES key) and manifest.json, and returns that folder. The dump is read back whole and its tables are
 * counted; the archive is listed. It appears under its name only when all of that is done and on disk.
 */
export async function takeBackup(root: string, request: BackupRequest): Promise<string> {
  const { placement, database, status } = request;
  const tools = await requireDumpTools(database);
  return await intoBackupFolder(root, placement.name, async (partial) => {
    status(`${placement.name}: dumping database ${database.name}`);
    const tables = await dumpDatabase(tools, database, partial);
    status(`${placement.name}: archiving files`);
    const entries = await archiveFiles(filesLayout(root, placement.name).folder, partial);
    const facts = { tables, entries, pgDump: tools.version };
    await writeManifest(partial, { app: placement.key, database, facts, restore: RESTORE });
  });
}

async function dumpDatabase(tools: DumpTools, database: ConnectionSettings, folder: string): Promise<number> {
  const dump = path.join(folder, "database.dump");
  const passwordFile = path.join(folder, "pgpass");
  const fields = [database.host, database.port, database.name, database.user, database.password];
  const line = fields.map((field) => String(field).replace(/[\\:]/g, "\\$&")).join(":");
  fs.writeFileSync(passwordFile, `${line}\n`, { mode: 0o600 });
  const env = { PATH: process.env.PATH, PGPASSFILE: passwordFile, PGSSLMODE: database.sslMode ?? "prefer" };
  const where = ["-h", database.host, "-p", String(database.port), "-U", database.user, "-d", database.name];
  try {
    const args = ["--format=custom", "--no-password", "--file", dump, ...where];
    succeed(await run(tools.pgDump, args, { env }), `database ${database.name} could not be dumped`);
  } finally {
    fs.rmSync(passwordFile);
  }
  fs.chmodSync(dump, 0o600);
  const listed = succeed(
    await run(tools.pgRestore, ["--list", dump], { env }),
    "the dump can't be read back",
  ).stdout;
  const tables = listed.split("\n").filter((each) => / TABLE DATA /.test(each)).length;
  // Reads and unpacks every byte of it.
  succeed(await run(tools.pgRestore, ["--file=/dev/null", dump], { env }), "the dump can't be read back");
  const [row] = await queryDatabase<{ count: number }>(database, COUNT_TABLES);
  if (row?.count !== tables) {
    throw new Error(
      `the dump of ${database.name} holds ${tables} tables, the database ${row?.count ?? 0}: not taken for whole`,
    );
  }
  return tables;
}

async function archiveFiles(source: string, folder: string): Promise<number> {
  const archive = path.join(folder, "files.tar.gz");
  const env = { PATH: process.env.PATH };
  const parts = fs.readdirSync(source).sort();
  succeed(
    await run("tar", ["-czf", archive, "-C", source, ...parts], { env }),
    `${source} could not be archived`,
  );
  fs.chmodSync(archive, 0o600);
  const { stdout } = succeed(await run("tar", ["-tzf", archive], { env }), "the archive can't be read back");
  const entries = stdout.split("\n").filter((line) => line !== "").length;
  const found = parts.reduce((sum, part) => sum + countEntries(path.join(source, part)), 0);
  if (entries !== found)
    throw new Error(
      `the archive of ${source} holds ${entries} entries, the folder ${found}: not taken for whole`,
    );
  return entries;
}

function countEntries(file: string): number {
  const stat = fs.lstatSync(file);
  if (!stat.isDirectory()) return 1;
  return 1 + fs.readdirSync(file).reduce((sum, name) => sum + countEntries(path.join(file, name)), 0);
}

function succeed(result: RunResult, what: string): RunResult {
  if (result.code === 0) return result;
  const full = result.stderr.includes("No space left")
    ? " The disk is full: free some space and run it again."
    : "";
  throw new Error(`${what}.${full}\n${tail(result.stderr, 5)}`);
}
