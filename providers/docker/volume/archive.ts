/** Files and folders on their way into a volume. */
import { pack } from "tar-stream";

export interface FileEntry {
  /** Relative to the folder that the archive is unpacked in. */
  readonly path: string;
  /** A folder where not given. */
  readonly content?: string | Buffer;
  /** Number of user and group. */
  readonly owner: number;
  readonly mode: number;
}

/** A tar archive of these, in memory: small files only. */
export async function archiveOf(entries: readonly FileEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { path, content, owner, mode } of entries) {
    const header = { name: path, mode, uid: owner, gid: owner, mtime: new Date(0) };
    if (content === undefined) archive.entry({ ...header, type: "directory" });
    else archive.entry(header, content);
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
