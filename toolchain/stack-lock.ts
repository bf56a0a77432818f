/** Locks that the engine holds on a stack of a file backend: who holds them, and freeing those of killed runs. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileBackendFolder, removeTornMetadata } from "./backend";
import { isAlive, processName } from "./process";

export interface StackRef {
  /** Project name in Pulumi.yaml. */
  project: string;
  stack: string;
}

export interface StackLock {
  file: string;
  pid: number;
  user: string;
  host: string;
  /** ISO 8601. */
  since: string;
  /** It was taken on this machine, by a process that is no more: nobody is at work. */
  isStale: boolean;
}

/** What the engine writes into a lock file (pkg/backend/diy/lock.go, `lockContent`). */
interface LockFile {
  pid: number;
  username: string;
  hostname: string;
  timestamp: string;
}

/**
 * The locks on a stack. The engine keeps them in `.pulumi/locks/organization/PROJECT/STACK/ID.json` of the backend.
 * @param backendUrl value of PULUMI_BACKEND_URL
 * @returns none for a backend that is no file backend: only its own service can tell
 */
export function readStackLocks(backendUrl: string, { project, stack }: StackRef): StackLock[] {
  const root = fileBackendFolder(backendUrl);
  if (root === undefined) return [];
  const folder = path.join(root, ".pulumi", "locks", "organization", project, stack);
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => readLock(path.join(folder, name)));
}

function readLock(file: string): StackLock[] {
  let text: string;
  try {
    text = fs.readFileSync(file, "utf8");
  } catch (error) {
    // Its run ended meanwhile.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const lock = JSON.parse(text) as LockFile;
  return [
    {
      file,
      pid: lock.pid,
      user: lock.username,
      host: lock.hostname,
      since: lock.timestamp,
      isStale: lock.hostname === os.hostname() && !isEngine(lock.pid),
    },
  ];
}

/** A process id is given to other programs in time: it counts only while it belongs to an engine. */
function isEngine(pid: number): boolean {
  const name = processName(pid);
  return isAlive(pid) && (name === undefined || name.startsWith("pulumi"));
}

/** One sentence on a lock, for an error message or a notice. */
export function describeLock(lock: StackLock): string {
  const holder = `process ${lock.pid} of ${lock.user} on ${lock.host}, since ${lock.since}`;
  return lock.isStale ? `${holder}; that process is gone` : holder;
}

/**
 * Frees a stack whose locks are all stale, by removing them. `pulumi cancel` does the same (pkg/backend/diy/backend.go,
 * `CancelCurrentUpdate`), but to locks taken meanwhile, too, and not where a run was killed before a new stack's first
 * state.
 * @returns the locks that were freed; none where there was none
 * @throws Error naming the holder where somebody may still be at work
 */
export function freeStaleLocks(backendUrl: string, ref: StackRef): StackLock[] {
  const locks = readStackLocks(backendUrl, ref);
  if (locks.length === 0) return [];
  const live = locks.filter((lock) => !lock.isStale);
  if (live.length > 0) {
    throw new Error(
      `Stack ${ref.stack} is locked by ${live.map(describeLock).join(" and by ")}.\n` +
        "Wait until that run has ended. If you are sure that it is no longer at work, free the stack with " +
        `\`pulumi cancel --stack ${ref.stack}\`.`,
    );
  }
  removeTornMetadata(backendUrl);
  // Beside each is its metadata, unless the backend's address says `metadata=skip`.
  for (const { file } of locks) for (const each of [`${file}.attrs`, file]) fs.rmSync(each, { force: true });
  return locks;
}
