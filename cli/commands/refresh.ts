import { openStack } from "../session";
import { runUpdate } from "../update";

/** `fleet refresh` */
export async function refresh(options: { stack: string }): Promise<void> {
  const stack = await openStack(options.stack, { unlock: true });
  await runUpdate("refresh", stack, { quiet: false });
}
