/** Request bodies on their way: small ones are kept, so that another process can be asked; large ones are streamed. */
import type { IncomingMessage } from "node:http";
import { Readable, Transform, type TransformCallback } from "node:stream";

/** Largest body that is kept: forms and API calls are below it, uploads above. */
const KEPT_BYTES = 256 * 1024;

export interface Body {
  /** Whether {@link Body.stream} gives the whole body each time it is called. */
  readonly repeatable: boolean;
  /** What to send; undefined where the request itself is to be streamed. */
  stream(): Readable | undefined;
}

/**
 * Reads a small body whole. A body of unknown length is passed through a counter, which calls `exceeded` once there
 * are more than `limit` bytes.
 * @throws what the connection ended with, where it ended inside a small body
 */
export async function takeBody(request: IncomingMessage, limit: number, exceeded: () => void): Promise<Body> {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if (encoding !== undefined) {
    const counted = request.pipe(new ByteLimit(limit, exceeded));
    return { repeatable: false, stream: () => counted };
  }
  if (length === undefined) return { repeatable: true, stream: () => undefined };
  if (Number(length) > KEPT_BYTES) return { repeatable: false, stream: () => undefined };
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const whole = Buffer.concat(chunks);
  return { repeatable: true, stream: () => Readable.from(whole, { objectMode: false }) };
}

/** Counts bytes on their way and calls `exceeded` once there are too many; the rest is dropped. */
class ByteLimit extends Transform {
  private count = 0;
  private over = false;

  constructor(
    private readonly limit: number,
    private readonly exceeded: () => void,
  ) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.count += chunk.length;
    if (this.count <= this.limit) {
      done(null, chunk);
      return;
    }
    if (!this.over) this.exceeded();
    this.over = true;
    done();
  }
}
