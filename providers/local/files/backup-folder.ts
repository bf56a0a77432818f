/** The folder of one backup: it appears under its name only when all of it is written and on disk. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { ConnectionSettings } from "../support/database";
import { syncToDisk } from "../support/files";
import { partialOf } from "../support/partial";

/** Writes `<root>/backups/<name>-<UTC time>/` by `write`, which gets another folder to write to; returns its path. */
export async function intoBackupFolder(
  root: string,
  name: string,
  write: (folder: string) => Promise<void>,
): Promise<string> {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const folder = path.join(root, "backups", `${name}-${stamp}`);
  const partial = partialOf(path.join(root, "backups", name));
  fs.mkdirSync(partial, { recursive: true, mode: 0o700 });
  try {
    await write(partial);
    for (const file of fs.readdirSync(partial)) syncToDisk(path.join(partial, file));
    fs.renameSync(partial, folder);
    syncToDisk(path.dirname(folder));
  } catch (error) {
    fs.rmSync(partial, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

export interface ManifestRequest {
  /** Key of the app. */
  app: string;
  database: ConnectionSettings;
  facts: { tables: number; entries: number; pgDump: string };
  /** How to restore it, step by step. */
  restore: readonly string[];
}

/** Writes manifest.json beside database.dump and files.tar.gz. */
export async function writeManifest(folder: string, request: ManifestRequest): Promise<void> {
  const { app, database, facts, restore } = request;
  const manifest = {
    app,
    takenAt: new Date().toISOString(),
    database: { host: database.host, port: database.port, name: database.name, owner: database.user },
    ...facts,
    sha256: {
      "database.dump": await sha256(path.join(folder, "database.dump")),
      "files.tar.gz": await sha256(path.join(folder, "files.tar.gz")),
    },
    restore,
  };
  fs.writeFileSync(path.join(folder, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`, {
    mode: 0o600,
  });
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of fs.createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
