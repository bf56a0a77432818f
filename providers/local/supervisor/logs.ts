import * as fs from "node:fs";

const MAX_BYTES = 10 * 1024 * 1024;
const KEPT_FILES = 5;

/** Opens a log for a child to append to; the child keeps it when the daemon dies. The caller closes its own copy. */
export function openLog(file: string): number {
  return fs.openSync(file, "a", 0o600);
}

/**
 * Moves a log over `maxBytes` into `<file>.1` (… `.5`, the oldest goes) by copy and cut, since its writer holds it open
 * in append mode. Lines written between the two are lost, as with logrotate's copytruncate. Returns whether it did.
 */
export function rotateLog(file: string, maxBytes = MAX_BYTES): boolean {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= maxBytes) return false;
  for (let index = KEPT_FILES - 1; index >= 1; index--) {
    if (fs.existsSync(`${file}.${index}`)) fs.renameSync(`${file}.${index}`, `${file}.${index + 1}`);
  }
  fs.copyFileSync(file, `${file}.1`);
  fs.truncateSync(file, 0);
  return true;
}

/** Removes a log and its rotated parts. */
export function removeLogs(file: string): void {
  for (const each of [file, ...Array.from({ length: KEPT_FILES }, (_, index) => `${file}.${index + 1}`)]) {
    fs.rmSync(each, { force: true });
  }
}
