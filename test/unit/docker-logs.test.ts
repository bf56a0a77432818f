import assert from "node:assert/strict";
import { Readable } from "node:stream";
import fc from "fast-check";
import { contents } from "../../providers/docker/logs";

/** A frame as the daemon writes it. @param output 1 or 2 */
function frame(output: number, content: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(output, 0);
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

async function all(chunks: readonly Buffer[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of contents(Readable.from(chunks))) parts.push(part);
  return Buffer.concat(parts);
}

describe("logs of containers", () => {
  it("tell what was written, however the frames are cut in pieces", async () => {
    const written = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })));
    await fc.assert(
      fc.asyncProperty(written, fc.array(fc.nat(200)), async (frames, cuts) => {
        const stream = Buffer.concat(frames.map(([output, content]) => frame(output, Buffer.from(content))));
        const places = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).sort((a, b) => a - b)];
        const pieces = places.map((from, index) => stream.subarray(from, places[index + 1] ?? stream.length));
        const expected = Buffer.concat(frames.map(([, content]) => content));
        assert.deepEqual(await all(pieces.filter((piece) => piece.length > 0)), expected);
      }),
    );
  });

  it("are read however many lines come at once", async () => {
    const lines = Array.from({ length: 50_000 }, (_, index) => Buffer.from(`line ${index}\n`));
    const stream = Buffer.concat(lines.map((line) => frame(1, line)));
    assert.deepEqual(await all([stream]), Buffer.concat(lines));
  });
});
