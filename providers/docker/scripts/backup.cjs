// Runs in a container with PostgreSQL's clients: node backup.cjs JSON. Dumps a database to a file, reads the dump back
// whole, counts its tables and the database's, and the files that are archived with it. Prints the counts as JSON.
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const { database, dump, passwordFile, files } = JSON.parse(process.argv[2]);
const env = { ...process.env, PGPASSFILE: passwordFile, PGSSLMODE: database.sslMode || "prefer" };
const where = ["-h", database.host, "-p", String(database.port), "-U", database.user, "-d", database.name];
const COUNT = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";

function run(program, args, what) {
  const done = spawnSync(program, args, { env, encoding: "utf8", maxBuffer: 256 * 2 ** 20 });
  if (done.status === 0) return done.stdout;
  const lines = `${done.error ? done.error.message : ""}${done.stderr || ""}`.trim().split("\n");
  console.log(`${what}: ${lines.slice(-5).join("\n")}`);
  process.exit(1);
}

function countEntries(file) {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return 1;
  return 1 + fs.readdirSync(file).reduce((sum, name) => sum + countEntries(path.join(file, name)), 0);
}

run(
  "pg_dump",
  ["--format=custom", "--no-password", "--file", dump, ...where],
  `database ${database.name} could not be dumped`,
);
const unreadable = "the dump can't be read back";
const listed = run("pg_restore", ["--list", dump], unreadable);
// Reads and unpacks every byte of it.
run("pg_restore", ["--file=/dev/null", dump], unreadable);
const counted = run(
  "psql",
  ["-tA", "--no-password", ...where, "-c", COUNT],
  "the database's tables can't be counted",
);
const version = run("pg_dump", ["--version"], "pg_dump has no version").trim().split(" ").pop();
console.log(
  JSON.stringify({
    tables: listed.split("\n").filter((line) => / TABLE DATA /.test(line)).length,
    counted: Number(counted),
    entries: files.reduce((sum, file) => sum + countEntries(file), 0),
    pgDump: version,
  }),
);
