import { ensureRunning, openStack } from "../session";
import { runUpdate } from "../update";

/** `fleet refresh` */
export async function refresh(options: { stack: string }): Promise<void> {
  const stack = await openStack(options.stack, { recover: true });
  await ensureRunning(stack.operations);
  await runUpdate("refresh", stack, { quiet: false });
}
