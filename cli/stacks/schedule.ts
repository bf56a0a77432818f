/** Runs many pieces of work side by side, as many as this machine holds. */
import * as fs from "node:fs";
import * as os from "node:os";

/** What one stack takes at most, MiB: the program 193, the engine 118, four plugins of some 100 each (three apps, measured). */
const NEED_MIB = 800;
/** Left for everything else, MiB. */
const RESERVE_MIB = 512;

/** How many stacks to work on at the same time: one for each processor, fewer where memory is short. */
export function parallelism(
  processors = os.availableParallelism(),
  availableMiB = availableMemoryMiB(),
): number {
  return Math.max(1, Math.min(processors, Math.floor((availableMiB - RESERVE_MIB) / NEED_MIB)));
}

/** Memory that can be had without swapping, MiB. */
export function availableMemoryMiB(): number {
  const meminfo = fs.existsSync("/proc/meminfo") ? fs.readFileSync("/proc/meminfo", "utf8") : "";
  const available = /MemAvailable:\s+(\d+)/.exec(meminfo)?.[1];
  return available ? Math.round(Number(available) / 1024) : Math.round(os.freemem() / 2 ** 20);
}

/**
 * Works through steps one after the other, and through the items of each side by side. `work` must not throw.
 *
 * @returns results in the order of the items
 */
export async function inParallel<Item, Result>(
  steps: readonly (readonly Item[])[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const step of steps) {
    const done: Result[] = [];
    let next = 0;
    const turn = async () => {
      for (let index = next++; index < step.length; index = next++) {
        done[index] = await work(step[index] as Item);
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, step.length) }, turn));
    results.push(...done);
  }
  return results;
}
