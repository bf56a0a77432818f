/** What containers said: Docker's stream of both outputs, as lines. */
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { Container } from "dockerode";

/** Of a frame: which output, three zeros, length of what follows. */
const HEADER_BYTES = 8;
const LENGTH_OFFSET = 4;

/**
 * Tells the last `tail` lines of a container's log, then what comes until `follow` aborts, where it is given.
 * @param print gets each line without its end
 */
export async function copyLog(
  container: Container,
  tail: number,
  print: (line: string) => void,
  follow?: AbortSignal,
): Promise<void> {
  const wanted = { stdout: true, stderr: true, tail } as const;
  const stream = follow
    ? ((await container.logs({ ...wanted, follow: true })) as unknown as Readable)
    : Readable.from([await container.logs({ ...wanted, follow: false })]);
  follow?.addEventListener("abort", () => stream.destroy(), { once: true });
  const lines = createInterface({ input: Readable.from(untilCut(contents(stream))), crlfDelay: Infinity });
  for await (const line of lines) print(line);
}

/**
 * What both outputs got, out of the frames that Docker wraps it in. The client library does the same by a call within
 * a call for each frame, and some thousand of them at once overflow its stack.
 */
export async function* contents(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    let start = 0;
    while (pending.length >= start + HEADER_BYTES) {
      const begin = start + HEADER_BYTES;
      const end = begin + pending.readUInt32BE(start + LENGTH_OFFSET);
      if (pending.length < end) break;
      yield pending.subarray(begin, end);
      start = end;
    }
    pending = pending.subarray(start);
  }
}

/** Ends without a fault where the stream is cut: by who follows, or with the container's end. */
async function* untilCut(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* parts;
  } catch {
    return;
  }
}
