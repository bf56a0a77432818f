/** Notices when files of a folder were written again. */
import { unwatchFile, watch, watchFile } from "node:fs";
import { basename, dirname } from "node:path";

const SETTLE_MS = 20;
const POLL_MS = 500;

/**
 * Calls `changed` with the name of each file that comes into a folder or goes, without a name where the system has no
 * watches left and the folder is polled. Files that are replaced as a whole are noticed either way.
 * @returns a function that ends the watch.
 */
export function watchFolder(folder: string, changed: (name?: string) => void): () => void {
  const notice = (): void => changed();
  const poll = (): void => void watchFile(folder, { interval: POLL_MS }, notice);
  let endWatch = (): void => undefined;
  try {
    const watcher = watch(folder, (_event, name) => changed(name ?? undefined));
    watcher.once("error", poll);
    endWatch = () => watcher.close();
  } catch {
    poll();
  }
  return () => {
    endWatch();
    unwatchFile(folder, notice);
  };
}

/**
 * Calls `changed` after each replacement of a file, once per burst. The folder is watched, since a rename over the
 * file leaves a watch of the file itself on the old one.
 * @returns a function that ends the watch.
 */
export function watchReplaced(file: string, changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const endWatch = watchFolder(dirname(file), (name) => {
    if (name !== undefined && name !== basename(file)) return;
    clearTimeout(timer);
    timer = setTimeout(changed, SETTLE_MS);
  });
  return () => {
    clearTimeout(timer);
    endWatch();
  };
}
