import * as fs from "node:fs";
import { tailOf } from "../../providers/local/support/files";

/** A log file as it grows; each line is written with a prefix. */
export class LogTail {
  private offset: number;
  /** Begin of a line whose end is not there yet. */
  private rest = "";

  constructor(
    private readonly file: string,
    private readonly prefix: string,
  ) {
    this.offset = this.size();
  }

  /** Writes the last lines as of now. */
  last(lines: number, write: (text: string) => void): void {
    for (const line of lines > 0 ? tailOf(this.file, lines) : []) write(`${this.prefix}${line}\n`);
  }

  /** Writes the lines that came since the last time. */
  grown(write: (text: string) => void): void {
    const size = this.size();
    // The supervisor truncates a log when it rotates it.
    if (size < this.offset) this.offset = 0;
    if (size > this.offset) {
      const lines = (this.rest + this.read(size)).split("\n");
      this.rest = lines.pop() ?? "";
      for (const line of lines) write(`${this.prefix}${line}\n`);
    }
    this.offset = size;
  }

  private size(): number {
    return fs.statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
  }

  private read(end: number): string {
    const handle = fs.openSync(this.file, "r");
    try {
      const buffer = Buffer.alloc(end - this.offset);
      fs.readSync(handle, buffer, 0, buffer.length, this.offset);
      return buffer.toString("utf8");
    } finally {
      fs.closeSync(handle);
    }
  }
}
