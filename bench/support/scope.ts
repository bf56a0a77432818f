/** Things that must not outlive the benchmark: temporary folders, processes. */
import { sendSignal } from "../../providers/local/support/processes";
import { descendants } from "./processes";

export interface Removable {
  remove(): void | Promise<void>;
}

const open = new Set<Removable>();

/** Removes `thing` when `work` has ended, however it ends; and where a signal ends this process. */
export async function withRemoval<Thing extends Removable, Result>(
  thing: Thing,
  work: (thing: Thing) => Promise<Result>,
): Promise<Result> {
  open.add(thing);
  try {
    return await work(thing);
  } finally {
    open.delete(thing);
    await thing.remove();
  }
}

/** From here on Ctrl-C and SIGTERM clean up before they end this process. */
export function removeOnSignals(): void {
  const end = (code: number) => () => {
    // Whoever still works would write into what is being removed.
    for (const pid of descendants(process.pid).slice(1)) sendSignal(pid, "SIGKILL");
    void Promise.allSettled([...open].map(async (thing) => thing.remove())).then(() => process.exit(code));
  };
  process.once("SIGINT", end(130));
  process.once("SIGTERM", end(143));
}
