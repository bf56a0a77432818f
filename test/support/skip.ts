import type { Context } from "mocha";

/** Skips the running test, or in a `before` hook the whole suite, with a reason that the reporter prints. */
export function skipBecause(context: Context, reason: string): never {
  const runnable = context.test;
  // A hook's title is `"before all" hook …`; mocha's types don't tell hooks from tests.
  const target = runnable?.title.startsWith('"') ? runnable.parent : runnable;
  if (target) Object.assign(target, { skipReason: reason });
  return context.skip();
}
