/** Running other programs, and telling whether a process is still there. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";

export interface RunOptions {
  cwd?: string;
  /** The whole environment of the child. */
  env: NodeJS.ProcessEnv;
  /** After this many milliseconds the child and all it started are ended, and `timedOut` is set. */
  timeoutMs?: number;
  /** Called for each line of either output as it comes. */
  onLine?: (line: string) => void;
}

export interface RunResult {
  /** Exit code; 127 where the program could not be started, 128 where a signal ended it. */
  code: number;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs a program to its end. Never throws: a program that cannot be started is a result with code 127.
 *
 * The child leads a process group of its own, so that a time limit or a Ctrl-C also reaches what it started
 * (an installer script's `curl`, a compiler's workers).
 */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const result: RunResult = { code: 127, stdout: "", stderr: "", timedOut: false };
    const endGroup = (signal: NodeJS.Signals): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // The group has ended already.
      }
    };
    const forward = (signal: NodeJS.Signals): void => {
      stopListening();
      endGroup(signal);
      // With nobody else listening, this process would have ended by the signal: let it.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    };
    const stopListening = (): void => FORWARDED.forEach((signal) => process.off(signal, forward));
    FORWARDED.forEach((signal) => process.once(signal, forward));

    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            result.timedOut = true;
            endGroup("SIGKILL");
          }, options.timeoutMs);
    const collect = (stream: "stdout" | "stderr"): void => {
      let partial = "";
      child[stream].setEncoding("utf8").on("data", (chunk: string) => {
        result[stream] += chunk;
        if (!options.onLine) return;
        const lines = (partial + chunk).split("\n");
        partial = lines.pop() ?? "";
        lines.forEach((line) => options.onLine?.(line));
      });
    };
    collect("stdout");
    collect("stderr");
    const finish = (code: number): void => {
      clearTimeout(timer);
      stopListening();
      resolve({ ...result, code });
    };
    child.once("error", (error) => {
      result.stderr += error.message;
      finish(127);
    });
    child.once("close", (code) => finish(code ?? 128));
  });
}

/** The last `count` lines that say something: what an error message quotes of a program's output. */
export function tail(text: string, count = 12): string {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-count)
    .join("\n");
}

/**
 * Whether a process with this id is at work on this machine. One that has ended and waits to be collected by its parent
 * is not: in a container whose first process collects nobody, it would wait for ever.
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it exists, and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return processStat(pid)?.state !== "Z";
}

/**
 * When a process began, in the kernel's own clock ticks since boot, so that an id which was given to another process
 * meanwhile is told apart.
 * @returns undefined where there is no such process or no /proc
 */
export function processStart(pid: number): string | undefined {
  return processStat(pid)?.startTicks;
}

/** Of /proc/PID/stat (proc(5)). */
export interface ProcessStat {
  /** One letter; `Z`: it has ended and waits for its parent to collect it. */
  state: string;
  parent: number;
  /** Clock ticks since boot. */
  startTicks: string;
}

/** What the kernel tells of a process; undefined where there is no such process or no /proc. */
export function processStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The name stands in brackets and may hold blanks and brackets itself: count from behind it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent] = fields;
  const startTicks = fields[19];
  if (state === undefined || parent === undefined || startTicks === undefined) return undefined;
  return { state, parent: Number(parent), startTicks };
}

/** The program's name as the kernel has it (at most 15 characters); undefined where there is no /proc. */
export function processName(pid: number): string | undefined {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** The first executable file called `name` in a PATH-like list, skipping what `accept` refuses. */
export function findOnPath(
  name: string,
  pathList: string | undefined,
  accept: (file: string) => boolean = () => true,
): string | undefined {
  for (const folder of (pathList ?? "").split(":")) {
    if (folder === "") continue;
    const file = `${folder}/${name}`;
    if (isExecutable(file) && accept(file)) return file;
  }
  return undefined;
}

/** Whether `file` is a regular file (or a link to one) that this user may run. */
export function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
