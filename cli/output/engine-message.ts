/** What the engine says when it fails outside of an update. */

/** Classes of the Automation API's errors. By name, since loading them is work that most commands needn't do. */
const FAILURES = ["CommandError", "ConcurrentUpdateError", "StackNotFoundError", "StackAlreadyExistsError"];

/** Whether the Automation API threw it because the engine failed. */
export function isEngineFailure(error: unknown): error is Error {
  return error instanceof Error && FAILURES.includes(error.name);
}

/** The engine's message without the command line and stack trace that the Automation API adds. */
export function firstLines(text: string): string {
  const stderr = /stderr: ([\s\S]*?)(\n ?err\?:|$)/.exec(text)?.[1] ?? text;
  const lines = stderr.trim().split("\n");
  const telling = lines.filter((line) => !line.startsWith("Command failed with exit code "));
  return (telling.length > 0 ? telling : lines).slice(0, 8).join("\n");
}
