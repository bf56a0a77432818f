/**
 * How many applications of one host are started at the same time. Measured on two cores, 2.2.15: one alone
 * 10.1 s, two together 12.5 s, four 15 s, five 27.9 s: more at once gain nothing, cost up to 110 MB each, and
 * near the 60 s after which NocoBase's own start queue stops waiting for them.
 */
const AT_ONCE = 4;

interface Queue {
  running: number;
  waiting: (() => void)[];
}

const queues = new Map<string, Queue>();

/** Runs `work` when one of the host's places is free; the others of this process wait in order. */
export async function inTurn<T>(hostUrl: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  const queue = queues.get(hostUrl) ?? { running: 0, waiting: [] };
  queues.set(hostUrl, queue);
  if (queue.running >= AT_ONCE) {
    onWait();
    await new Promise<void>((resolve) => queue.waiting.push(resolve));
  } else {
    queue.running++;
  }
  try {
    return await work();
  } finally {
    const next = queue.waiting.shift();
    if (next) next();
    else queue.running--;
  }
}
