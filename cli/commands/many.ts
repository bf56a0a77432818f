/** `fleet up|preview|destroy` on several stacks. */
import * as fs from "node:fs";
import { createInterface } from "node:readline/promises";
import { ensureToolchain } from "../../toolchain/ensure";
import { lineProgress, noProgress } from "../../toolchain/progress";
import { projectDirectory } from "../../toolchain/project";
import { ExitCode, UserError } from "../exit-codes";
import { losesData } from "../preview/effects";
import { isForbidden } from "../preview/policies";
import { previewMarkdown } from "../preview/markdown";
import { createDisplay, summary } from "../stacks/display";
import type { StackOperation, StackResult } from "../stacks/operation";
import { runMany } from "../stacks/run";
import { parallelism } from "../stacks/schedule";
import { selectStacks, type Selected, type Selection } from "../stacks/select";

export interface ManyOptions extends Selection {
  parallel?: string;
  json?: boolean;
  markdown?: string;
  refresh?: boolean;
  expectNoChanges?: boolean;
  yes?: boolean;
}

/** Runs the operation on every selected stack; sets the exit code. */
export async function many(operation: StackOperation, options: ManyOptions): Promise<void> {
  const projectDir = projectDirectory();
  const atOnce = parallelOption(options.parallel);
  const selected = await selectStacks(projectDir, options);
  const { stacks, gone, reason } = selected;
  const say = (line: string) => {
    if (!options.json) console.log(line);
  };
  say(`${operation} of ${reason}: ${stacks.length}, ${Math.min(atOnce, stacks.length)} at a time`);
  for (const stack of gone) say(goneLine(stack));
  if (operation === "destroy" && !options.yes) await confirm(selected);

  let results: StackResult[] = [];
  if (stacks.length > 0) {
    // Once for all: the workers then find it there.
    await ensureToolchain({ progress: options.json ? noProgress : lineProgress(say) });
    const abort = new AbortController();
    const interrupt = () => {
      console.error("Stopping after the steps under way; no further stack is begun.");
      abort.abort();
    };
    process.once("SIGINT", interrupt);
    const screen = {
      write: (text: string) => {
        if (!options.json) process.stdout.write(text);
      },
      columns: !options.json && process.stdout.isTTY ? process.stdout.columns : undefined,
    };
    const view = createDisplay(screen, stacks.length);
    results = await runMany({
      ...{ projectDir, operation, stacks, atOnce, view },
      options: { refresh: options.refresh },
      signal: abort.signal,
    });
    view.close();
    process.removeListener("SIGINT", interrupt);
  }
  if (options.markdown !== undefined) {
    fs.writeFileSync(options.markdown, previewMarkdown(results, { reason, gone }));
  }
  if (options.json) console.log(JSON.stringify(report(operation, results, gone), null, 2));
  else if (results.length > 0) console.log(`\n${summary(operation, results)}`);
  const unexpected =
    options.expectNoChanges && results.some(({ changes }) => Object.keys(changes).length > 0);
  process.exitCode = exitCodeOf(operation, results) || (unexpected ? ExitCode.changes : ExitCode.ok);
}

/** 0: all well. A preview that would lose data, is refused since it would, or breaks a policy: {@link ExitCode.unsafe}. */
export function exitCodeOf(operation: StackOperation, results: readonly StackResult[]): number {
  const safe = results.filter(({ effects, violations }) => !losesData(effects) && !isForbidden(violations));
  if (safe.some(({ ok }) => !ok)) return ExitCode.failed;
  if (operation === "preview") return safe.length < results.length ? ExitCode.unsafe : ExitCode.ok;
  return results.every(({ ok }) => ok) ? ExitCode.ok : ExitCode.failed;
}

function goneLine(stack: string): string {
  return `${stack}: its stack file is gone, but what it declared still runs; put it back and run \`fleet destroy --stack ${stack}\` to end it`;
}

function report(operation: StackOperation, results: readonly StackResult[], gone: readonly string[]) {
  return {
    operation,
    ok: results.every(({ ok }) => ok),
    exitCode: exitCodeOf(operation, results),
    filesGone: gone,
    stacks: results.map(({ steps, ...result }) => ({ ...result, resources: steps.length })),
  };
}

function parallelOption(text: string | undefined): number {
  if (text === undefined) return parallelism();
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 256) return number;
  throw new UserError(`--parallel is "${text}"; give a whole number from 1 to 256`, ExitCode.usage);
}

async function confirm({ stacks }: Selected): Promise<void> {
  if (!process.stdin.isTTY || stacks.length === 0) return;
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  const names = stacks.map(({ name }) => name).join(", ");
  const answer = await prompt.question(`Destroy ${names}, as each app's \`deletion\` says? (yes/no) `);
  prompt.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UserError("Nothing was changed.", ExitCode.failed);
}
