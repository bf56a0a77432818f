/** One operation on many stacks. */
import { fork } from "node:child_process";
import * as path from "node:path";
import type { OperateOptions, StackOperation, StackResult } from "./operation";
import { inParallel } from "./schedule";
import type { StackEntry } from "./select";
import type { WorkerMessage } from "./worker";

/** Told what goes on, for a display. */
export interface RunView {
  begin(stack: string): void;
  say(stack: string, line: string): void;
  end(result: StackResult): void;
}

export interface RunManyOptions {
  projectDir: string;
  operation: StackOperation;
  options?: OperateOptions;
  stacks: readonly StackEntry[];
  /** Stacks worked on at the same time. */
  atOnce: number;
  view: RunView;
  /** Once aborted, no further stack is begun; those under way come to their end. */
  signal: AbortSignal;
}

/** Longest text kept of what a worker printed, characters: only for one that died without a result. */
const KEPT = 2000;

/**
 * Runs the operation on every stack, each in a process of its own, so that none can stop or touch another. Platforms
 * come before tenants, and after them where stacks are destroyed. Results come in that order.
 */
export function runMany(options: RunManyOptions): Promise<StackResult[]> {
  const { stacks, operation, atOnce, view, signal } = options;
  const platforms = stacks.filter(({ platformStack }) => platformStack === undefined);
  const tenants = stacks.filter(({ platformStack }) => platformStack !== undefined);
  const steps = operation === "destroy" ? [tenants, platforms] : [platforms, tenants];
  return inParallel(steps, atOnce, async ({ name, platformStack }) => {
    if (signal.aborted) return failed(name, platformStack, 0, "interrupted before its turn came");
    view.begin(name);
    const result = await inProcess(options, name, platformStack);
    view.end(result);
    return result;
  });
}

function inProcess(
  { projectDir, operation, options = {}, view }: RunManyOptions,
  name: string,
  platformStack: string | undefined,
): Promise<StackResult> {
  return new Promise((resolve) => {
    const begin = Date.now();
    let result: StackResult | undefined;
    let printed = "";
    const worker = fork(path.join(__dirname, "worker.cjs"), [operation, name, JSON.stringify(options)], {
      cwd: projectDir,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      execArgv: [],
    });
    const keep = (chunk: Buffer) => (printed = (printed + chunk.toString()).slice(-KEPT));
    worker.stdout?.on("data", keep);
    worker.stderr?.on("data", keep);
    worker.on("message", (message: WorkerMessage) => {
      if ("say" in message) view.say(name, message.say);
      else result = message.result;
    });
    const finish = (why: string) => {
      const seconds = (Date.now() - begin) / 1000;
      resolve(result ?? failed(name, platformStack, seconds, `${why}\n${printed.trim()}`.trim()));
    };
    worker.on("error", (error) => finish(`could not be started: ${error.message}`));
    worker.on("close", (code, ending) =>
      finish(`ended without a result (${ending ?? `exit code ${code ?? 0}`})`),
    );
  });
}

function failed(
  stack: string,
  platformStack: string | undefined,
  seconds: number,
  error: string,
): StackResult {
  return { stack, platformStack, ok: false, changes: {}, effects: [], steps: [], seconds, error };
}
