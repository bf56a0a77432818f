import { createInterface } from "node:readline/promises";
import type { StackPlan } from "../../plan/types";
import { ExitCode, UserError } from "../exit-codes";
import { ensureRunning, openStack } from "../session";
import { refuseChange } from "../refusals";
import { isMany } from "../stacks/select";
import { runUpdate } from "../update";
import { many, type ManyOptions } from "./many";

/** `fleet destroy`: says what happens to each database first, and asks where somebody can answer. */
export async function destroy(options: ManyOptions & { stack: string }): Promise<void> {
  if (isMany(options)) return many("destroy", options);
  const stack = await openStack(options.stack, { recover: true });
  await refuseChange(stack, undefined);
  console.log(`Destroying stack ${options.stack}:`);
  for (const line of fates(stack.plan)) console.log(`  ${line}`);
  if (!options.yes && process.stdin.isTTY) {
    const prompt = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await prompt.question("Go on? (yes/no) ");
    prompt.close();
    if (!/^y(es)?$/i.test(answer.trim())) throw new UserError("Nothing was changed.", ExitCode.failed);
  }
  await ensureRunning(stack.operations);
  await runUpdate("destroy", stack, { quiet: false });
}

/** One line for each database: what its `deletion` policy does to it. */
function fates(plan: StackPlan): string[] {
  const meaning = {
    protect: "protected, so destroy will be refused; `fleet stop` stops the fleet and loses nothing",
    backup: "dumped and verified with its files, then removed",
    retain: "left in place with its files",
    delete: "DELETED with its files",
  };
  const owners = [
    ...(plan.platformStack === undefined ? [["entry", plan.entry] as const] : []),
    ...Object.entries(plan.environments),
    ...Object.entries(plan.apps),
  ];
  return owners.map(([key, owner]) => `${key}: ${meaning[owner.deletion]}`);
}
