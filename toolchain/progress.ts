/** How long parts (downloads, builds, installs) tell a person that they live. */

/** One long part under way; several may be under way side by side. */
export interface ProgressPart {
  /** A sign of life: what the part is doing now, e.g. `812 packages compiled, 95 s`. */
  step(message: string): void;
  /** The part ended well. */
  done(message: string): void;
  /** The part ended without success; the caller goes on some other way or throws. */
  failed(message: string): void;
}

export interface Progress {
  /** @param title what begins, e.g. `Building the Pulumi engine` */
  start(title: string): ProgressPart;
}

/** Keeps quiet. */
export const noProgress: Progress = {
  start: () => ({ step: () => undefined, done: () => undefined, failed: () => undefined }),
};

/**
 * Plain lines, one for each event: readable in a terminal, a CI log and a file alike.
 * @param write takes one line without its line break
 */
export function lineProgress(write: (line: string) => void): Progress {
  return {
    start(title) {
      write(`${title} ...`);
      return {
        step: (message) => write(`  ${title}: ${message}`),
        done: (message) => write(`${title}: ${message}`),
        failed: (message) => write(`${title}: ${message}`),
      };
    },
  };
}

/**
 * Runs `work`, and reports `describe(elapsed seconds)` as a step every `everyMs` until it ends.
 * @throws whatever `work` throws
 */
export async function withHeartbeat<T>(
  part: ProgressPart,
  describe: (seconds: number) => string,
  work: () => Promise<T>,
  everyMs = 5000,
): Promise<T> {
  const begin = Date.now();
  const timer = setInterval(() => part.step(describe(Math.round((Date.now() - begin) / 1000))), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
