/** One operation on many stacks. */
import type { OperateOptions, StackOperation, StackResult } from "./operation";
import { WorkerPool } from "./pool";
import { inParallel } from "./schedule";
import type { StackEntry } from "./select";

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

/**
 * Runs the operation on every stack, each in a process apart from the others, so that none can stop or touch another.
 * Platforms come before tenants, and after them where stacks are destroyed. Results come in that order.
 */
export async function runMany(run: RunManyOptions): Promise<StackResult[]> {
  const { stacks, operation, options = {}, atOnce, view, signal } = run;
  const platforms = stacks.filter(({ platformStack }) => platformStack === undefined);
  const tenants = stacks.filter(({ platformStack }) => platformStack !== undefined);
  const steps = operation === "destroy" ? [tenants, platforms] : [platforms, tenants];
  const pool = new WorkerPool(run.projectDir);
  try {
    return await inParallel(steps, atOnce, async ({ name, platformStack }) => {
      if (signal.aborted) return failed(name, platformStack, 0, "interrupted before its turn came");
      const begin = Date.now();
      view.begin(name);
      const result = await pool
        .run({ operation, stack: name, options }, (line) => view.say(name, line))
        .catch((error: unknown) => {
          const why = error instanceof Error ? error.message : String(error);
          return failed(name, platformStack, (Date.now() - begin) / 1000, why);
        });
      view.end(result);
      return result;
    });
  } finally {
    pool.close();
  }
}

function failed(
  stack: string,
  platformStack: string | undefined,
  seconds: number,
  error: string,
): StackResult {
  return {
    stack,
    platformStack,
    ok: false,
    changes: {},
    effects: [],
    steps: [],
    violations: [],
    seconds,
    error,
  };
}
