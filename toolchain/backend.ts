/** Where the state of stacks lies, and what encrypts the secrets in it. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { randomBytes } from "node:crypto";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Folder of the default state backend. */
export function stateDir(projectDir: string): string {
  return path.join(projectDir, ".pulumi-state");
}

/**
 * URL of the default state backend, a file backend in the project. Without the sidecar of metadata that the engine
 * would write beside each state, in place: killed in that moment, it can read the state no more ("EOF").
 */
export function defaultBackendUrl(projectDir: string): string {
  return `${pathToFileURL(stateDir(projectDir)).href}?metadata=skip`;
}

/** Folder of a file backend as the engine understands its URL; undefined for any other backend. */
export function fileBackendFolder(backendUrl: string): string | undefined {
  if (!backendUrl.startsWith("file://")) return undefined;
  const url = withoutQuery(backendUrl);
  if (url.startsWith("file:///")) return fileURLToPath(url);
  return path.resolve(url.slice("file://".length).replace(/^~/, os.homedir()));
}

function withoutQuery(url: string): string {
  return url.replace(/\?.*$/, "");
}

/**
 * Removes the sidecars of metadata in a file backend that a killed engine left cut off; the engine takes a missing one
 * for an empty one. The state itself is replaced as a whole, so it is never cut off.
 */
export function removeTornMetadata(backendUrl: string): void {
  const folder = fileBackendFolder(backendUrl);
  const stacks = folder && path.join(folder, ".pulumi", "stacks");
  if (!stacks || !fs.existsSync(stacks)) return;
  const torn = fs
    .readdirSync(stacks, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".attrs"))
    .map((name) => path.join(stacks, name))
    .filter((file) => !isJson(fs.readFileSync(file, "utf8")));
  for (const file of torn) fs.rmSync(file, { force: true });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Variables that choose the state backend: empty where the user has set PULUMI_BACKEND_URL (then the passphrase is
 * theirs too), else the file backend in `.pulumi-state`, which is made if need be, with a passphrase of its own in
 * `.pulumi-state/passphrase` unless PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE is set. The passphrase
 * is never among the variables, only its file's path: it occurs in no environment and no process arguments.
 * @throws Error where the passphrase file is empty, or gone while there is state that it encrypted
 */
export function backendEnvironment(projectDir: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const url = defaultBackendUrl(projectDir);
  if (env.PULUMI_BACKEND_URL && withoutQuery(env.PULUMI_BACKEND_URL) !== withoutQuery(url)) return {};
  fs.mkdirSync(stateDir(projectDir), { recursive: true, mode: 0o700 });
  // An empty passphrase is a choice too.
  if (env.PULUMI_CONFIG_PASSPHRASE !== undefined) return { PULUMI_BACKEND_URL: url };
  const file = path.join(stateDir(projectDir), "passphrase");
  if (env.PULUMI_CONFIG_PASSPHRASE_FILE && env.PULUMI_CONFIG_PASSPHRASE_FILE !== file) {
    return { PULUMI_BACKEND_URL: url };
  }
  ensurePassphrase(projectDir, file);
  return { PULUMI_BACKEND_URL: url, PULUMI_CONFIG_PASSPHRASE_FILE: file };
}

function ensurePassphrase(projectDir: string, file: string): void {
  const repair =
    "Put it back from a backup, or set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to the passphrase " +
    "that the stacks were made with; without it their secrets can't be read.";
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat) {
    if (stat.size === 0) throw new Error(`The passphrase file ${file} is empty. ${repair}`);
    return;
  }
  if (hasStacks(stateDir(projectDir))) {
    throw new Error(`The passphrase file ${file} is gone, but there are stacks in that folder. ${repair}`);
  }
  // Linked into place: the file appears whole, and never in place of one that another run has just made.
  const aside = `${file}.${randomBytes(6).toString("hex")}`;
  fs.writeFileSync(aside, randomBytes(32).toString("base64url"), { mode: 0o600, flag: "wx" });
  try {
    fs.linkSync(aside, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    fs.rmSync(aside, { force: true });
  }
}

function hasStacks(state: string): boolean {
  const stacks = path.join(state, ".pulumi", "stacks");
  if (!fs.existsSync(stacks)) return false;
  return fs
    .readdirSync(stacks, { recursive: true, encoding: "utf8" })
    .some((file) => /\.json(\.gz)?$/.test(file));
}
