import { openStack } from "../session";
import { runPreview } from "../update";

/** `fleet preview`: the engine's own display. */
export async function preview(options: {
  stack: string;
  diff?: boolean;
  expectNoChanges?: boolean;
}): Promise<void> {
  const stack = await openStack(options.stack, { create: true });
  process.exitCode = await runPreview(stack, options);
}
