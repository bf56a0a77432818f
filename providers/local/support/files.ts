/** Small file operations with the modes and the atomicity that fleet state needs. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

/** True for a Node system error with this code, e.g. `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

/** Message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Replaces a file as a whole: readers see the old or the new content, even after a power cut. */
export function writeFileAtomic(file: string, content: string | Buffer, mode = 0o600): void {
  const temporary = `${file}.${randomBytes(4).toString("hex")}.tmp`;
  const fd = fs.openSync(temporary, "wx", mode);
  try {
    fs.writeSync(fd, typeof content === "string" ? Buffer.from(content) : content);
    // Owner and group stay ours; the mode is set again because umask may have cut it.
    fs.fchmodSync(fd, mode);
    fs.fsyncSync(fd);
  } catch (error) {
    fs.closeSync(fd);
    fs.rmSync(temporary, { force: true });
    throw error;
  }
  fs.closeSync(fd);
  fs.renameSync(temporary, file);
}

/** Like {@link writeFileAtomic}, but leaves an equal file alone. Returns whether it wrote. */
export function writeFileIfChanged(file: string, content: string, mode = 0o600): boolean {
  if (readTextIfExists(file) === content) return false;
  writeFileAtomic(file, content, mode);
  return true;
}

/** Content, or undefined where the file is not there. */
export function readTextIfExists(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Makes a folder (and parents) with exactly this mode; an existing one gets the mode too. */
export function ensureFolder(folder: string, mode = 0o700): void {
  fs.mkdirSync(folder, { recursive: true, mode });
  if ((fs.statSync(folder).mode & 0o777) !== mode) fs.chmodSync(folder, mode);
}

/** Names in a folder; empty where it is not there. */
export function listFolder(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** Writes what is buffered for a file or folder to disk. */
export function syncToDisk(target: string): void {
  const fd = fs.openSync(target, "r");
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Last `lines` lines of a text file, reading at most its last 64 KiB. */
export function tailOf(file: string, lines: number): string[] {
  let fd: number;
  try {
    fd = fs.openSync(file, "r");
  } catch {
    return [];
  }
  try {
    const size = fs.fstatSync(fd).size;
    const length = Math.min(size, 64 * 1024);
    const buffer = Buffer.alloc(length);
    fs.readSync(fd, buffer, 0, length, size - length);
    return buffer
      .toString("utf8")
      .split("\n")
      .filter((line) => line.trim() !== "")
      .slice(-lines);
  } finally {
    fs.closeSync(fd);
  }
}

/** Short socket address of a file in a folder: kernels cut socket paths at 108 bytes, so a long one goes through an open folder. */
export function withSocketAddress<T>(socketFile: string, use: (address: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(socketFile) <= 100) return use(socketFile);
  const fd = fs.openSync(path.dirname(socketFile), "r");
  return use(`/proc/self/fd/${fd}/${path.basename(socketFile)}`).finally(() => {
    fs.closeSync(fd);
  });
}
