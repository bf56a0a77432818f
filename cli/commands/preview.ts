import { currentResources, openStack } from "../session";
import { refuseLosses } from "../refusals";
import { isMany } from "../stacks/select";
import { runPreview } from "../update";
import { many, type ManyOptions } from "./many";

export interface PreviewOptions extends ManyOptions {
  stack: string;
  diff?: boolean;
  expectNoChanges?: boolean;
}

/** `fleet preview`: the engine's own display; in the fleet's words for several stacks and for a page. */
export async function preview(options: PreviewOptions): Promise<void> {
  if (isMany(options)) return many("preview", options);
  if (options.markdown !== undefined || options.json) {
    return many("preview", { ...options, stacks: options.stack });
  }
  const stack = await openStack(options.stack, { create: true });
  await refuseLosses(stack, await currentResources(stack.stack), stack.plan);
  process.exitCode = await runPreview(stack, options);
}
