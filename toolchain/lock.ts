/** A lock between processes, for work that two runs must not do at once (building the engine, installing plugins). */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive, processStart } from "./process";

interface Holder {
  pid: number;
  host: string;
  /** See {@link processStart}; absent where the system does not tell. */
  start?: string;
  token: string;
}

export interface LockOptions {
  /** Called once when another process is found working, and then every `noticeMs`. */
  onWait?: (holder: { pid: number; host: string }, seconds: number) => void;
  pollMs?: number;
  noticeMs?: number;
  /** A holder on another host counts as gone when it has not touched the lock for this long. Default 2 minutes. */
  silentMs?: number;
}

/**
 * Runs `work` while holding the lock file `file`; waits for whoever holds it. A lock whose process is gone is taken
 * over: judged by process id and start on this host, by silence (the holder touches its lock) on another host.
 * @throws whatever `work` throws; the lock is released all the same
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const { pollMs = 500, noticeMs = 10_000, silentMs = 120_000 } = options;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const self: Holder = {
    pid: process.pid,
    host: os.hostname(),
    start: processStart(process.pid),
    token: randomUUID(),
  };
  const begin = Date.now();
  let noticed = -noticeMs;
  while (!take(file, self)) {
    const found = look(file);
    if (found === undefined) continue;
    if (isGone(found, silentMs)) {
      removeOf(file, found.text);
      continue;
    }
    const waited = Date.now() - begin;
    if (waited - noticed >= noticeMs) {
      noticed = waited;
      options.onWait?.(found.holder ?? { pid: 0, host: "?" }, Math.round(waited / 1000));
    }
    await sleep(pollMs);
  }
  const touch = setInterval(
    () => {
      const now = new Date();
      fs.utimes(file, now, now, () => undefined);
    },
    Math.min(10_000, silentMs / 4),
  );
  touch.unref();
  try {
    return await work();
  } finally {
    clearInterval(touch);
    removeOf(file, JSON.stringify(self));
  }
}

/** Writes the lock aside and links it into place: it appears whole, and only where there was none. */
function take(file: string, self: Holder): boolean {
  const aside = `${file}.${self.token}`;
  fs.writeFileSync(aside, JSON.stringify(self), { mode: 0o600 });
  try {
    fs.linkSync(aside, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    fs.rmSync(aside, { force: true });
  }
}

interface Found {
  text: string;
  /** Absent where the file is not one of ours, e.g. cut short by a full disk. */
  holder: Holder | undefined;
  touchedMs: number;
}

function look(file: string): Found | undefined {
  try {
    const text = fs.readFileSync(file, "utf8");
    return { text, holder: parse(text), touchedMs: fs.statSync(file).mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    return typeof value.pid === "number" && typeof value.host === "string" && typeof value.token === "string"
      ? (value as Holder)
      : undefined;
  } catch {
    return undefined;
  }
}

function isGone(found: Found, silentMs: number): boolean {
  const { holder } = found;
  if (holder?.host !== os.hostname()) return Date.now() - found.touchedMs > silentMs;
  if (!isAlive(holder.pid)) return true;
  const start = processStart(holder.pid);
  return holder.start !== undefined && start !== undefined && start !== holder.start;
}

/**
 * Removes the lock if it still is the one that `text` is of. Two waiters may judge the same lock: the one that moves
 * a newer lock away by mistake puts it back.
 */
function removeOf(file: string, text: string): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (fs.readFileSync(aside, "utf8") !== text) {
    try {
      fs.linkSync(aside, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  fs.rmSync(aside, { force: true });
}
