/** Notices when the routes file was written again. */
import { unwatchFile, watch, watchFile } from "node:fs";
import { basename, dirname, join } from "node:path";

const SETTLE_MS = 20;
const POLL_MS = 500;

/**
 * Calls `changed` after each replacement of a file, once per burst. The folder is watched, since a rename over the
 * file leaves a watch of the file itself on the old one; where the system has no watches left, the file is polled.
 * @returns a function that ends the watch.
 */
export function watchReplaced(file: string, changed: () => void): () => void {
  return watchEntries(dirname(file), basename(file), changed);
}

/** The same for all files of a folder. */
export function watchFolder(folder: string, changed: () => void): () => void {
  return watchEntries(folder, undefined, changed);
}

function watchEntries(folder: string, only: string | undefined, changed: () => void): () => void {
  const file = only === undefined ? folder : join(folder, only);
  let timer: NodeJS.Timeout | undefined;
  const notice = (): void => {
    clearTimeout(timer);
    timer = setTimeout(changed, SETTLE_MS);
  };
  const poll = (): void => void watchFile(file, { interval: POLL_MS }, notice);
  let endWatch = (): void => undefined;
  try {
    const watcher = watch(folder, (_event, name) => {
      if (only === undefined || name === null || name === only) notice();
    });
    watcher.once("error", poll);
    endWatch = () => watcher.close();
  } catch {
    poll();
  }
  return () => {
    clearTimeout(timer);
    endWatch();
    unwatchFile(file);
  };
}
