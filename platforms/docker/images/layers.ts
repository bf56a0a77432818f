/** Layers of images: tar files that come out the same, byte by byte, for the same content. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, pack, type Header, type Pack } from "tar-stream";
import type { Addition } from "./recipes";

/** The time that every file has: none of its own. */
export const EPOCH = new Date("2024-01-01T00:00:00Z");

export interface Layer {
  file: string;
  /** `sha256:…` of the file: what image configurations call a layer. */
  digest: string;
  bytes: number;
}

interface Entry {
  name: string;
  header: Partial<Header>;
  content: Buffer | { file: string; size: number } | undefined;
}

/** A Debian root as mmdebstrap unpacked it, without what is dropped, with what is added. */
export async function systemLayer(
  root: string,
  dropped: readonly RegExp[],
  additions: readonly Addition[],
  target: string,
): Promise<Layer> {
  const entries = new Map<string, Entry>();
  for await (const entry of entriesOf(root)) {
    if (!dropped.some((pattern) => pattern.test(entry.name))) entries.set(entry.name, entry);
  }
  for (const addition of [...additions, ...certificates(entries)]) {
    const entry = added(addition);
    entries.set(entry.name, entry);
  }
  return await writeLayer(withParents(entries), target);
}

/** A folder of this machine, at `prefix` in the image; readable for all, owned by root. */
export async function folderLayer(
  folders: readonly { source: string; prefix: string }[],
  target: string,
): Promise<Layer> {
  const entries = new Map<string, Entry>();
  for (const { source, prefix } of folders) walk(source, prefix, entries);
  return await writeLayer(withParents(entries), target);
}

function walk(source: string, prefix: string, entries: Map<string, Entry>): void {
  const stat = fs.lstatSync(source);
  const executable = (stat.mode & 0o100) !== 0;
  if (stat.isSymbolicLink()) {
    const header: Partial<Header> = {
      type: "symlink",
      linkname: fs.readlinkSync(source),
      mode: 0o777,
    };
    entries.set(prefix, { name: prefix, header, content: undefined });
  } else if (stat.isDirectory()) {
    entries.set(prefix, { name: prefix, header: { type: "directory", mode: 0o755 }, content: undefined });
    for (const name of fs.readdirSync(source)) walk(path.join(source, name), `${prefix}/${name}`, entries);
  } else if (stat.isFile()) {
    const header: Partial<Header> = { type: "file", mode: executable ? 0o755 : 0o644 };
    entries.set(prefix, { name: prefix, header, content: { file: source, size: stat.size } });
  }
}

async function* entriesOf(tar: string): AsyncGenerator<Entry> {
  const reader = extract();
  fs.createReadStream(tar).pipe(reader);
  for await (const entry of reader) {
    const { name, type, mode, uid, gid, linkname } = entry.header;
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    const clean = name.replace(/^\.?\//, "").replace(/\/$/, "");
    const isLink = type === "symlink" || type === "link";
    const target = type === "link" && linkname ? linkname.replace(/^\.?\//, "") : linkname;
    if (clean === "") continue;
    yield {
      name: clean,
      header: { type, mode, uid, gid, ...(isLink ? { linkname: target } : {}) },
      content: type === "file" ? Buffer.concat(chunks) : undefined,
    };
  }
}

function added({ path: at, content, link, mode, owner = 0 }: Addition): Entry {
  const type = link !== undefined ? "symlink" : content === undefined ? "directory" : "file";
  return {
    name: at.slice(1),
    header: { type, mode, uid: owner, gid: owner, ...(link === undefined ? {} : { linkname: link }) },
    content: content === undefined ? undefined : Buffer.from(content),
  };
}

/** The bundle that ca-certificates makes when it is installed, which no script does here. */
function certificates(entries: ReadonlyMap<string, Entry>): Addition[] {
  const bundle = [...entries.keys()]
    .filter((name) => name.startsWith("usr/share/ca-certificates/mozilla/") && name.endsWith(".crt"))
    .sort()
    .map((name) => (entries.get(name)?.content as Buffer).toString().trimEnd() + "\n")
    .join("");
  return bundle === "" ? [] : [{ path: "/etc/ssl/certs/ca-certificates.crt", content: bundle, mode: 0o644 }];
}

function withParents(entries: ReadonlyMap<string, Entry>): Entry[] {
  const all = new Map(entries);
  for (const name of entries.keys()) {
    for (let parent = path.posix.dirname(name); parent !== "."; parent = path.posix.dirname(parent)) {
      if (all.has(parent)) continue;
      all.set(parent, { name: parent, header: { type: "directory", mode: 0o755 }, content: undefined });
    }
  }
  // A hard link must come after the file that it is a second name of.
  const rank = ({ header }: Entry) => (header.type === "link" ? 1 : 0);
  return [...all.values()].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

async function writeLayer(entries: readonly Entry[], target: string): Promise<Layer> {
  const archive = pack();
  const hash = createHash("sha256");
  let bytes = 0;
  const written = pipeline(
    Readable.from(archive as AsyncIterable<Buffer>),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    },
    fs.createWriteStream(target),
  );
  for (const entry of entries) await writeEntry(archive, entry);
  archive.finalize();
  await written;
  return { file: target, digest: `sha256:${hash.digest("hex")}`, bytes };
}

async function writeEntry(archive: Pack, { name, header, content }: Entry): Promise<void> {
  const size = content === undefined ? 0 : Buffer.isBuffer(content) ? content.length : content.size;
  const whole = { uid: 0, gid: 0, ...header, name, size, mtime: EPOCH } as Header;
  await new Promise<void>((resolve, reject) => {
    const sink = archive.entry(whole, (error) => {
      if (error) reject(error);
      else resolve();
    });
    if (content === undefined || whole.type !== "file") sink.end(null);
    else if (Buffer.isBuffer(content)) sink.end(content);
    else fs.createReadStream(content.file).once("error", reject).pipe(sink);
  });
}
