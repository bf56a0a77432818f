/** Runs the engine's operations and shows them. */
import type { EngineEvent, OpMap } from "@pulumi/pulumi/automation";
import { ExitCode, UserError } from "./exit-codes";
import { createEventView } from "./output/engine-events";
import { explainErrors } from "./output/explain";
import { isForbidden, policyPacks } from "./preview/policies";
import { violationOf, type Violation } from "./preview/steps";
import { firstLines } from "./output/engine-message";
import type { FleetStack } from "./session";

export type Operation = "up" | "destroy" | "refresh";

/**
 * Runs one operation to its end, a line for each step, and returns the number of changes by kind.
 *
 * @throws UserError where the engine failed; what succeeded stays, and the next run goes on from there
 */
export async function runUpdate(
  operation: Operation,
  { stack, name }: FleetStack,
  { quiet }: { quiet: boolean },
): Promise<OpMap> {
  const view = createEventView((line) => {
    if (!quiet) console.log(line);
  });
  let changes: OpMap = {};
  const onEvent = (event: EngineEvent) => {
    view.handle(event);
    changes = event.summaryEvent?.resourceChanges ?? changes;
  };
  const interrupt = () => {
    console.error("Stopping after the steps under way; press Ctrl-C again to give up waiting.");
    process.once("SIGINT", () => process.exit(ExitCode.interrupted));
  };
  process.once("SIGINT", interrupt);
  try {
    await stack[operation]({ onEvent, color: "never" });
    if (!quiet) console.log(summarise(changes));
    return changes;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (isLocked(text)) throw new UserError(firstLines(text), ExitCode.locked);
    const errors = view.errors.length > 0 ? view.errors : [firstLines(text)];
    const shown = view.errors.length > 0 && !quiet ? [] : errors;
    throw new UserError(
      [...shown, ...explainErrors([...errors, text]), "", retryHint(operation, name)].join("\n").trim(),
    );
  } finally {
    view.close();
    process.removeListener("SIGINT", interrupt);
  }
}

/** The engine's own preview display; returns its exit code (7: changes where none were expected). */
export async function runPreview(
  { stack }: FleetStack,
  options: { diff?: boolean; expectNoChanges?: boolean },
): Promise<number> {
  const errors: string[] = [];
  const violations: Violation[] = [];
  try {
    const result = await stack.preview({
      policyPacks: [...policyPacks],
      diff: options.diff,
      onOutput: (text) => process.stdout.write(text),
      onEvent: (event) => {
        if (event.diagnosticEvent?.severity === "error") errors.push(event.diagnosticEvent.message);
        if (event.policyEvent) violations.push(violationOf(event.policyEvent));
      },
    });
    const changed = Object.entries(result.changeSummary).some(
      ([kind, count]) => kind !== "same" && count > 0,
    );
    return options.expectNoChanges && changed ? ExitCode.changes : ExitCode.ok;
  } catch (error) {
    if (isForbidden(violations)) throw new UserError("Policies forbid it, see above.", ExitCode.unsafe);
    const text = error instanceof Error ? error.message : String(error);
    const shown = errors.length > 0 ? [] : [firstLines(text)];
    throw new UserError([...shown, ...explainErrors([...errors, text])].join("\n").trim());
  }
}

function isLocked(text: string): boolean {
  return /the stack is currently locked|ConcurrentUpdateError|conflict: Another update/.test(text);
}

function summarise(changes: OpMap): string {
  const parts = Object.entries(changes)
    .filter(([kind, count]) => kind !== "same" && count > 0)
    .map(([kind, count]) => `${count} ${kind}`);
  return parts.length === 0
    ? "No changes: the fleet is as its stack file says."
    : `Done: ${parts.join(", ")}.`;
}

function retryHint(operation: Operation, name: string): string {
  return `\`${operation}\` of stack ${name} didn't finish. What succeeded is kept; mend the cause and run it again: it goes on from here.`;
}
