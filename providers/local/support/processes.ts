/** Facts about processes from Linux's /proc (man 5 proc_pid_stat). */
import * as fs from "node:fs";
import { processStat } from "../../../toolchain/process";
import { readTextIfExists } from "./files";

/** A process for certain: a pid alone may have been given to another process since. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks since boot. */
  readonly startTicks: string;
  /** /proc/sys/kernel/random/boot_id: ticks of another boot mean nothing. */
  readonly bootId: string;
}

let bootIdCache: string | undefined;
function bootId(): string {
  bootIdCache ??= readTextIfExists("/proc/sys/kernel/random/boot_id")?.trim() ?? "unknown";
  return bootIdCache;
}

/** Identity of a living process; undefined where there is none (or only a zombie). */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = processStat(pid);
  if (!stat || stat.state === "Z" || stat.state === "X") return undefined;
  return { pid, startTicks: stat.startTicks, bootId: bootId() };
}

/** True while exactly this process lives. */
export function isAlive(identity: ProcessIdentity | undefined): boolean {
  if (!identity) return false;
  const now = identify(identity.pid);
  return now?.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/** Resident memory, MiB, or undefined. */
export function residentMiB(pid: number): number | undefined {
  let text: string | undefined;
  try {
    text = readTextIfExists(`/proc/${pid}/status`);
  } catch {
    return undefined;
  }
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(text ?? "")?.[1];
  return kib === undefined ? undefined : Math.round(Number(kib) / 1024);
}

/** Command line with blanks between the arguments, or undefined where it can't be read. */
export function commandOf(pid: number): string | undefined {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
  } catch {
    return undefined;
  }
}

/** Pids of all processes of this machine (of this pid namespace). */
export function allPids(): number[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The topmost living process whose environment holds `NAME=value`; only processes of this user (all, for root) can be seen. */
export function findByEnvironment(entry: string): ProcessIdentity | undefined {
  const found = new Map<number, ProcessIdentity>();
  for (const pid of allPids()) {
    let environment: string;
    try {
      environment = fs.readFileSync(`/proc/${pid}/environ`, "latin1");
    } catch {
      continue;
    }
    if (!environment.split("\0").includes(entry)) continue;
    const identity = identify(pid);
    if (identity) found.set(pid, identity);
  }
  for (const [pid, identity] of found) {
    const parent = processStat(pid)?.parent;
    if (parent === undefined || !found.has(parent)) return identity;
  }
  return undefined;
}

/** Sends a signal to a process, or with `group` to its whole process group. False where nobody was there. */
export function sendSignal(pid: number, signal: NodeJS.Signals, group = false): boolean {
  try {
    process.kill(group ? -pid : pid, signal);
    return true;
  } catch {
    return false;
  }
}
