/** A verified dump of an app's database in the volume that holds its files. */
import { pathsOf } from "../../docker/files/placement";
import type { ConnectionSettings } from "../../local/support/database";
import type { AppPlace } from "./place";
import { runScript, withFile, type VolumeAccess } from "./volume";

/** Folder of backups in a volume. */
const BACKUPS = "fleet-backups";

export interface BackupRequest {
  /** Name of the backup: `app-crm`. */
  readonly name: string;
  readonly place: AppPlace;
  readonly database: ConnectionSettings;
  /** Moves the app's files beside the dump: they would stay with an instance that goes on without the app. */
  readonly takesFiles: boolean;
}

interface Facts {
  tables: number;
  counted: number;
  pgDump: string;
}

/**
 * Dumps the database, reads the dump back, and compares it with the database. Files stay where they are, since the volume
 * is kept, unless `takesFiles`.
 * @returns the folder within the volume
 * @throws Error where the dump is not whole; nothing was moved then
 */
export async function takeBackup(access: VolumeAccess, request: BackupRequest): Promise<string> {
  const { name, place, database, takesFiles } = request;
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const folder = `${BACKUPS}/${name}-${stamp}`;
  const { password, ...where } = database;
  const passwordFile = `${folder}/pgpass`;
  const task = { database: where, dump: `${folder}/database.dump`, passwordFile, files: [] };
  const { code, output } = await withFile(access, passwordFile, passwordLine(database, password), () =>
    runScript(access, "backup", task),
  );
  if (code !== 0) throw new Error(output);
  const facts = JSON.parse(output) as Facts;
  if (facts.tables !== facts.counted) {
    throw new Error(
      `the dump of ${database.name} holds ${facts.tables} tables, the database ${facts.counted}: not taken for whole`,
    );
  }
  const kept = await runScript(access, "keep", {
    folder,
    files: takesFiles ? pathsOf({ ...place, volume: "" }) : {},
    manifest: { app: place.key, takenAt: new Date().toISOString(), database: where, ...facts, restore },
  });
  if (kept.code !== 0) throw new Error(kept.output);
  return folder;
}

const restore = [
  "1. Declare the app again with `state: stopped`, and run `fleet up`: it gets a new database, role and files.",
  "2. pg_restore --clean --if-exists --no-owner --no-privileges -h HOST -p PORT -U ROLE -d DATABASE database.dump",
  "3. Put what lies in files/, where there is such a folder, back: uploads to uploads/KEY, backups to backups/APP, aes_key.dat to apps/APP.",
  "4. Set `state: running` and run `fleet up`.",
];

function passwordLine({ host, port, name, user }: ConnectionSettings, password: string): string {
  const fields = [host, port, name, user, password];
  return `${fields.map((field) => String(field).replace(/[\\:]/g, "\\$&")).join(":")}\n`;
}
