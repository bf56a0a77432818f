/** Processor time, memory and bytes written of a process and all it starts, from Linux's /proc (man 5 proc). */
import * as fs from "node:fs";
import { commandOf } from "../../providers/local/support/processes";

/** /proc counts processor time in these (USER_HZ, 100 on every Linux that Node runs on). */
const TICKS_PER_SECOND = 100;
/** Short enough not to miss much of a process's end, long enough not to disturb. */
const SAMPLE_MS = 40;
/** The kernel walks a process's whole memory for its proportional size. */
const MEMORY_SAMPLE_MS = 250;

export interface ProcessUse {
  pid: number;
  command: string;
  /** Largest resident memory so far, bytes (VmHWM). */
  peakBytes: number;
  /** Bytes it caused to be written to storage, in whole pages (write_bytes). */
  writtenBytes: number;
  /** Processor time, seconds: says more than the clock on a machine that others use, too. */
  cpuSeconds: number;
}

/** Watches the processes below `root` (itself included) while they live; the last moments of each are missed. */
export class ProcessWatch {
  readonly seen = new Map<number, ProcessUse>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly root: number) {
    this.timer = setInterval(() => this.sample(), SAMPLE_MS);
    this.sample();
  }

  stop(): ProcessUse[] {
    clearInterval(this.timer);
    return [...this.seen.values()];
  }

  private sample(): void {
    for (const pid of descendants(this.root)) {
      const status = read(`/proc/${pid}/status`);
      const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
      const written = Number(/^write_bytes: (\d+)/m.exec(read(`/proc/${pid}/io`))?.[1] ?? 0);
      const before = this.seen.get(pid);
      this.seen.set(pid, {
        pid,
        // Between fork and exec a child still looks like its parent; one that ended has no command line any more.
        command: commandOf(pid) || (before?.command ?? ""),
        peakBytes: Math.max(peak, before?.peakBytes ?? 0),
        writtenBytes: Math.max(written, before?.writtenBytes ?? 0),
        cpuSeconds: Math.max(processorSeconds(pid), before?.cpuSeconds ?? 0),
      });
    }
  }
}

/** Largest memory that a process and all it starts hold at one time. */
export class MemoryWatch {
  private most = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(root: number) {
    this.timer = setInterval(() => {
      const now = descendants(root).reduce((sum, pid) => sum + (proportionalOf(pid) ?? 0), 0);
      this.most = Math.max(this.most, now);
    }, MEMORY_SAMPLE_MS);
  }

  /** Proportional set sizes together, bytes. */
  stop(): number {
    clearInterval(this.timer);
    return this.most;
  }
}

function proportionalOf(pid: number): number | undefined {
  try {
    return proportionalBytes(pid);
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}

/** `root` and everything below it that lives now. */
export function descendants(root: number): number[] {
  const found = [root];
  for (const pid of found) {
    for (const thread of list(`/proc/${pid}/task`)) {
      const children = read(`/proc/${pid}/task/${thread}/children`).trim();
      if (children !== "") found.push(...children.split(" ").map(Number));
    }
  }
  return found;
}

/** Proportional set size of one process now, bytes. @throws if it is gone or another user's */
export function proportionalBytes(pid: number): number {
  const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}

/** User and system time; children that ended are not in it. */
export function processorSeconds(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  // The command name stands in brackets and may hold blanks itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function list(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}
