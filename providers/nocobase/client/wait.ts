import { setTimeout as sleep } from "node:timers/promises";

export interface Patience {
  /** Milliseconds between two looks. */
  everyMs: number;
  /** Milliseconds after which it is given up. */
  limitMs: number;
  signal?: AbortSignal;
}

/** How often live states are looked at, ms. A look costs the host 2–4 ms; at 1 s a new application is seen 0.4 s later on average. */
export const POLL_MS = 100;

/** @throws {Error} "cancelled" once the signal is aborted */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {
    throw new Error("cancelled");
  });
}

/**
 * Looks until something is found.
 * @returns what `look` found, or undefined when the time is over
 */
export async function until<T>(
  look: () => Promise<T | undefined>,
  patience: Patience,
): Promise<T | undefined> {
  const end = Date.now() + patience.limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() >= end) return undefined;
    await pause(patience.everyMs, patience.signal);
  }
}
