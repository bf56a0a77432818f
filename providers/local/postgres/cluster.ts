/** A PostgreSQL data folder and its configuration. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { spawnSync } from "node:child_process";
import { ensureFolder, readTextIfExists, writeFileIfChanged } from "../support/files";
import { partialOf } from "../support/partial";
import { databaseOsUser, type OsUser } from "../support/os-user";
import { ensureRoot, openForUser } from "../support/traversal";
import { findServers, type ServerBinaries } from "./binaries";
import { ensureEmbeddedServer, readableFor } from "./embedded";

export const HOST = "127.0.0.1";

export interface ClusterSettings {
  name: string;
  port: number;
  adminUser: string;
  adminPassword: string;
  maxConnections: number;
}

/** Paths of a server below the stack's root. */
export function clusterLayout(root: string, name: string) {
  const folder = path.join(root, name);
  return {
    folder,
    data: path.join(folder, "data"),
    configuration: path.join(folder, "postgresql.conf"),
    access: path.join(folder, "pg_hba.conf"),
  };
}

/** Major version a data folder was made by; undefined where there is none. */
export function dataMajor(data: string): number | undefined {
  const text = readTextIfExists(path.join(data, "PG_VERSION"));
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

/** Binaries for a data folder: of its own major version where it exists, else the newest of this machine, else npm's. */
export async function chooseBinaries(
  data: string,
  status: (message: string) => void,
): Promise<ServerBinaries> {
  const major = dataMajor(data);
  const servers = findServers();
  const [newest] = servers;
  if (major === undefined) return newest ?? (await ensureEmbeddedServer(status));
  const matching = servers.find((server) => server.major === major);
  if (matching) return matching;
  const embedded = await ensureEmbeddedServer(status);
  if (embedded.major === major) return embedded;
  const have = [...servers, embedded].map((server) => `${server.version} (${server.folder})`).join(", ");
  throw new Error(
    `The data in ${data} is of PostgreSQL ${major}, and this machine has ${have}. ` +
      `Install PostgreSQL ${major} again, or dump the data with it and restore them into a new server: versions can't read each other's data.`,
  );
}

export interface PreparedCluster {
  binaries: ServerBinaries;
  user: OsUser | undefined;
}

/** Makes data folder and configuration where they are missing. A run cut short leaves nothing that counts as a data folder. */
export async function prepareCluster(
  root: string,
  settings: ClusterSettings,
  status: (message: string) => void,
): Promise<PreparedCluster> {
  const layout = clusterLayout(root, settings.name);
  const user = databaseOsUser();
  ensureRoot(root);
  ensureFolder(layout.folder, user ? 0o711 : 0o700);
  if (user) openForUser(user, root);
  const chosen = await chooseBinaries(layout.data, status);
  const binaries = readableFor(user, chosen, layout.folder);
  if (dataMajor(layout.data) === undefined) {
    status(`making the data folder with PostgreSQL ${binaries.version}`);
    makeData(layout, settings, binaries, user);
  }
  writeConfiguration(layout, settings, user);
  return { binaries, user };
}

function makeData(
  layout: ReturnType<typeof clusterLayout>,
  settings: ClusterSettings,
  binaries: ServerBinaries,
  user: OsUser | undefined,
): void {
  if (fs.existsSync(layout.data) && fs.readdirSync(layout.data).length > 0) {
    throw new Error(`${layout.data} exists and holds no PostgreSQL data. Move it away, then run again.`);
  }
  fs.rmSync(layout.data, { recursive: true, force: true });
  const partial = partialOf(layout.data);
  fs.mkdirSync(partial, { mode: 0o700 });
  const passwordFile = path.join(layout.folder, `password-${randomBytes(4).toString("hex")}`);
  fs.writeFileSync(passwordFile, `${settings.adminPassword}\n`, { mode: 0o600, flag: "wx" });
  try {
    if (user) for (const each of [partial, passwordFile]) fs.chownSync(each, user.uid, user.gid);
    const locale = ["C.UTF-8", "C"].find((each) => each === "C" || hasLocale(each)) ?? "C";
    const args = ["-D", partial, "-U", settings.adminUser, `--pwfile=${passwordFile}`, "-E", "UTF8"];
    const result = spawnSync(
      path.join(binaries.folder, "initdb"),
      [...args, `--locale=${locale}`, "--auth-local=scram-sha-256", "--auth-host=scram-sha-256"],
      {
        cwd: "/",
        encoding: "utf8",
        uid: user?.uid,
        gid: user?.gid,
        env: { PATH: process.env.PATH, TZ: "UTC" },
      },
    );
    if (result.status !== 0) {
      const reason = (result.error?.message ?? result.stderr).trim().split("\n").slice(-6).join("\n");
      throw new Error(
        `PostgreSQL ${binaries.version} could not make its data folder ${layout.data}:\n${reason}`,
      );
    }
    fs.renameSync(partial, layout.data);
  } finally {
    fs.rmSync(passwordFile, { force: true });
    fs.rmSync(partial, { recursive: true, force: true });
  }
}

function hasLocale(name: string): boolean {
  const known = spawnSync("locale", ["-a"], { encoding: "utf8" }).stdout as string | null;
  return (known ?? "")
    .split("\n")
    .some((each) => each.toLowerCase().replace("-", "") === name.toLowerCase().replace("-", ""));
}

/** Text of postgresql.conf; defaults are PostgreSQL's own where not named. */
export function configurationText(
  layout: ReturnType<typeof clusterLayout>,
  settings: ClusterSettings,
): string {
  return [
    "# Written by nocobase-fleet at each change; edits are lost.",
    `data_directory = '${quote(layout.data)}'`,
    `hba_file = '${quote(layout.access)}'`,
    `listen_addresses = '${HOST}'`,
    `port = ${settings.port}`,
    // TCP alone: a socket's address would be too long below a deep folder, and nobody needs it.
    "unix_socket_directories = ''",
    `max_connections = ${settings.maxConnections}`,
    "shared_buffers = 128MB",
    "password_encryption = scram-sha-256",
    "log_destination = stderr",
    "logging_collector = off",
    "log_line_prefix = '%m [%p] %q%u@%d '",
    "log_timezone = 'UTC'",
    "timezone = 'UTC'",
    "",
  ].join("\n");
}

function quote(text: string): string {
  return text.replace(/'/g, "''");
}

function writeConfiguration(
  layout: ReturnType<typeof clusterLayout>,
  settings: ClusterSettings,
  user: OsUser | undefined,
): void {
  const files: [string, string][] = [
    [layout.configuration, configurationText(layout, settings)],
    [layout.access, `# Passwords only, from this machine only.\nhost all all ${HOST}/32 scram-sha-256\n`],
  ];
  for (const [file, text] of files) {
    writeFileIfChanged(file, text);
    if (user) fs.chownSync(file, user.uid, user.gid);
  }
}
