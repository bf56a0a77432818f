/** A verified dump of an app's database and an archive of its files, both taken in a container, kept on this machine. */
import * as fs from "node:fs";
import * as path from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { extract, pack, type Header, type Pack } from "tar-stream";
import { PROJECT_DIR } from "../../../toolchain/locations";
import type { ConnectionSettings } from "../../local/support/database";
import { intoBackupFolder, writeManifest } from "../../local/files/backup-folder";
import { Helper } from "../volume/helper";
import type { VolumeAccess } from "./place";
import { pathsOf, type Placement } from "./placement";

const SCRIPT = path.join(PROJECT_DIR, "providers", "docker", "scripts", "backup.cjs");
const WORK = "/work";
const STORAGE = "/storage";

export interface BackupRequest extends VolumeAccess {
  /** Name of the backup: `app-crm`. */
  name: string;
  placement: Placement;
  /** As containers reach it. */
  database: ConnectionSettings;
  network: string;
  /** Folder of this machine that backups go to, below `backups`. */
  root: string;
  status: (message: string) => void;
}

interface Facts {
  tables: number;
  counted: number;
  entries: number;
  pgDump: string;
}

/** Writes `<root>/backups/<name>-<UTC time>/` as the local platform does, and returns that folder. */
export async function takeBackup(request: BackupRequest): Promise<string> {
  const { daemon, image, stack, signal, network, placement, database, status, name } = request;
  const places = pathsOf(placement);
  const files = Object.values(places).map((each) => `${STORAGE}/${each}`);
  const { password, ...where } = database;
  const passwordFile = `${WORK}/pgpass`;
  const dump = `${WORK}/database.dump`;
  const task = JSON.stringify({ database: where, dump, passwordFile, files });
  const volumes = { [WORK]: "", [STORAGE]: placement.volume };
  const options = { daemon, image, stack, volumes, network, signal };
  return await intoBackupFolder(request.root, name, (folder) =>
    Helper.use(options, [`${WORK}/backup.cjs`, task], async (helper) => {
      await helper.put(WORK, [
        { path: "backup.cjs", content: fs.readFileSync(SCRIPT), owner: 0, mode: 0o400 },
        { path: "pgpass", content: passwordLine(database, password), owner: 0, mode: 0o600 },
      ]);
      status(`${name}: dumping database ${database.name}`);
      const { code, output } = await helper.run();
      if (code !== 0) throw new Error(output);
      const facts = JSON.parse(output) as Facts;
      if (facts.tables !== facts.counted) {
        throw new Error(
          `the dump of ${database.name} holds ${facts.tables} tables, the database ${facts.counted}: not taken for whole`,
        );
      }
      await saveFile(helper, dump, path.join(folder, "database.dump"));
      status(`${name}: archiving files`);
      const entries = await archiveFiles(helper, places, path.join(folder, "files.tar.gz"));
      if (entries !== facts.entries) {
        throw new Error(
          `the archive of ${placement.key} holds ${entries} entries, its volume ${facts.entries}: not taken for whole`,
        );
      }
      const { tables, pgDump } = facts;
      const restore = restoreSteps(placement);
      await writeManifest(folder, {
        app: placement.key,
        database,
        facts: { tables, entries, pgDump },
        restore,
      });
    }),
  );
}

function restoreSteps({ key }: Placement): string[] {
  return [
    "1. Declare the app again with `state: stopped`, and run `fleet up`: it gets a new database, role and files.",
    "2. pg_restore --clean --if-exists --no-owner --no-privileges -h 127.0.0.1 -p PORT -U ROLE -d DATABASE database.dump",
    `3. Put the parts of files.tar.gz into the storage volume of its instance: uploads to uploads/${key}, backups to backups/APP, aes_key.dat to apps/APP (APP: main, or the app's name where it is shared).`,
    "4. Set `state: running` and run `fleet up`.",
  ];
}

function passwordLine({ host, port, name, user }: ConnectionSettings, password: string): string {
  const fields = [host, port, name, user, password];
  return `${fields.map((field) => String(field).replace(/[\\:]/g, "\\$&")).join(":")}\n`;
}

async function saveFile(helper: Helper, source: string, target: string): Promise<void> {
  for await (const entry of entriesOf(helper, source)) {
    await pipeline(entry.content, fs.createWriteStream(target, { mode: 0o600 }));
  }
}

/** @returns how many entries there are */
async function archiveFiles(
  helper: Helper,
  places: Readonly<Record<string, string>>,
  target: string,
): Promise<number> {
  const archive = pack();
  const written = pipeline(archive, createGzip(), fs.createWriteStream(target, { mode: 0o600 }));
  let count = 0;
  const copy = async (): Promise<void> => {
    for (const [name, place] of Object.entries(places)) {
      for await (const { header, content } of entriesOf(helper, `${STORAGE}/${place}`)) {
        // Docker names entries from the last part of the path.
        const inner = header.name.split("/").slice(1).join("/");
        await addEntry(archive, { ...header, name: inner === "" ? name : `${name}/${inner}` }, content);
        count += 1;
      }
    }
    archive.finalize();
  };
  await Promise.all([copy(), written]);
  return count;
}

async function addEntry(archive: Pack, header: Header, content: NodeJS.ReadableStream): Promise<void> {
  if (header.type !== "file") {
    archive.entry(header);
    content.resume();
    return;
  }
  await pipeline(content, archive.entry(header));
}

async function* entriesOf(
  helper: Helper,
  source: string,
): AsyncGenerator<{ header: Header; content: NodeJS.ReadableStream }> {
  const stream = await helper.get(source);
  if (!stream) return;
  const reader = extract();
  const done = pipeline(stream, reader);
  for await (const entry of reader) {
    yield { header: entry.header, content: entry as unknown as NodeJS.ReadableStream };
  }
  await done;
}
