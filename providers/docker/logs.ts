/** What containers said: Docker's stream of both outputs, as lines. */
import { PassThrough, type Readable } from "node:stream";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import type Docker from "dockerode";
import type { Container } from "dockerode";

/**
 * Tells the last `lines` of a container's log, then what comes until `follow` aborts, where it is given.
 * @param print gets each line without its end
 */
export async function copyLog(
  container: Container,
  lines: number,
  print: (line: string) => void,
  follow?: AbortSignal,
): Promise<void> {
  const wanted = { stdout: true, stderr: true, tail: lines } as const;
  const out = new PassThrough();
  const printed = printLines(out, print);
  const stream = follow
    ? ((await container.logs({ ...wanted, follow: true })) as unknown as Readable)
    : ended(await container.logs({ ...wanted, follow: false }));
  (container.modem as Docker["modem"]).demuxStream(stream, out, out);
  follow?.addEventListener("abort", () => stream.destroy(), { once: true });
  await finished(stream).catch(() => undefined);
  out.end();
  await printed;
}

function ended(content: Buffer): Readable {
  const stream = new PassThrough();
  stream.end(content);
  return stream;
}

async function printLines(stream: NodeJS.ReadableStream, print: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) print(line);
}
