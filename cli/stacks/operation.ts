/** One operation on one stack, told in results instead of on the screen. */
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { createEventView } from "../output/engine-events";
import { firstLines } from "../output/engine-message";
import { explainErrors, explainProtected } from "../output/explain";
import { UserError } from "../exit-codes";
import { effectsOf, type Effect, type PartName } from "../preview/effects";
import { isForbidden, policyPacks, violationLine } from "../preview/policies";
import { StepCollector, type Step, type Violation } from "../preview/steps";
import { protectedParts } from "../protection";
import { refuseChange, refuseLosses } from "../refusals";
import { currentResources, ensureRunning, openStack, type FleetStack } from "../session";
import { backUpBeforeUpgrade } from "../upgrades";

export type StackOperation = "up" | "preview" | "destroy";

/** What became of one stack. Plain data: it passes between processes and into `--json`. */
export interface StackResult {
  stack: string;
  /** Tenants only. */
  platformStack?: string;
  ok: boolean;
  /** Resources by the engine's word for what happens to them; `same` left out. */
  changes: Record<string, number>;
  effects: Effect[];
  /** What changes, resource by resource. */
  steps: Step[];
  /** Of policies; previews only. */
  violations: Violation[];
  seconds: number;
  /** Why it failed, for people. */
  error?: string;
}

export interface OperateOptions {
  /** Previews only: look at what is really there first. */
  refresh?: boolean;
}

/**
 * Runs one operation. Never throws for a failure of the stack's own: that is a result.
 *
 * @param say gets a line for each finished step
 */
export async function operate(
  operation: StackOperation,
  name: string,
  { refresh = false }: OperateOptions = {},
  say: (line: string) => void = () => undefined,
): Promise<StackResult> {
  const begin = Date.now();
  const collector = new StepCollector();
  const result: StackResult = {
    ...{ stack: name, ok: true, seconds: 0 },
    ...{ changes: {}, effects: [], steps: [], violations: collector.violations },
  };
  let refused: PartName[] = [];
  try {
    const stack = await openStack(name, {
      create: operation !== "destroy",
      prefetch: operation === "up",
      recover: operation !== "preview",
      quiet: true,
    });
    result.platformStack = stack.plan.platformStack;
    if (operation === "preview") refused = await previewStack(stack, refresh, collector);
    else await changeStack(operation, stack, collector, say);
  } catch (error) {
    result.ok = false;
    result.error = reasonOf(error, collector);
  }
  const changed = collector.steps.filter(({ op }) => op !== "same" && op !== "read");
  for (const { op } of changed) result.changes[op] = (result.changes[op] ?? 0) + 1;
  result.effects = effectsOf(collector.steps, refused);
  result.steps = changed;
  if (refused.length > 0) {
    result.ok = false;
    const names = refused.map(({ part, key }) => (part === "entry app" ? "the entry app" : `${part} ${key}`));
    result.error = explainProtected(names).join("\n").trim();
  }
  result.seconds = (Date.now() - begin) / 1000;
  return result;
}

async function previewStack(
  stack: FleetStack,
  refresh: boolean,
  collector: StepCollector,
): Promise<PartName[]> {
  const resources = await currentResources(stack.stack);
  await refuseLosses(stack, resources, stack.plan);
  const refused = protectedParts(resources, stack.plan);
  try {
    await stack.stack.preview({
      ...{ refresh, policyPacks: [...policyPacks], color: "never" as const },
      onEvent: (event) => collector.handle(event),
    });
  } catch (error) {
    // The engine's refusal of what is protected is told in better words.
    if (refused.length === 0) throw error;
  }
  return refused;
}

async function changeStack(
  operation: "up" | "destroy",
  stack: FleetStack,
  collector: StepCollector,
  say: (line: string) => void,
): Promise<void> {
  await refuseChange(stack, operation === "up" ? stack.plan : undefined);
  if (operation === "up") await backUpBeforeUpgrade(stack.plan, stack.resources, say);
  else await ensureRunning(stack.operations);
  const view = createEventView(say);
  const onEvent = (event: EngineEvent) => {
    collector.handle(event);
    view.handle(event);
  };
  try {
    await stack.stack[operation]({ onEvent, color: "never" });
  } finally {
    view.close();
  }
}

function reasonOf(error: unknown, { errors, violations }: StepCollector): string {
  if (error instanceof UserError) return error.message;
  if (isForbidden(violations)) {
    const lines = violations.filter(({ mandatory }) => mandatory).map((each) => `  ${violationLine(each)}`);
    return ["policies forbid it:", ...lines].join("\n");
  }
  const text = error instanceof Error ? error.message : String(error);
  const shown = errors.length > 0 ? errors : [firstLines(text)];
  return [...shown, ...explainErrors([...errors, text])].join("\n").trim();
}
