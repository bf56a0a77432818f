/** What the engine says it would do, brought down to what people are told: no values, so no secret ever. */
import type { EngineEvent, PolicyEvent } from "@pulumi/pulumi/automation";

/** One resource of a preview. Plain data: it passes between processes. */
export interface Step {
  /** The engine's word: `create`, `update`, `delete`, `replace`, `same` … */
  op: string;
  urn: string;
  type: string;
  name: string;
  parent?: string;
  /** Paths of the properties that change. */
  paths: string[];
  /** Of the values only these few, which decide what a change means. */
  before: Facts;
  after: Facts;
}

/** Values that are never secret and that tell a restart from a scaling, a removal from a loss. */
export interface Facts {
  state?: string;
  deletion?: string;
  replicas?: number;
}

/** What a policy says against a resource, or against the stack as a whole. */
export interface Violation {
  policy: string;
  /** Name of the resource. */
  resource: string;
  message: string;
  /** Ends the preview as a failure; the others are advice. */
  mandatory: boolean;
}

/** Halves of a replacement; the replacement itself is told. */
const HALVES = new Set(["create-replacement", "delete-replaced", "discard-replaced", "read-discard"]);

/** Gathers the steps of one preview, in the engine's order, each resource once. */
export class StepCollector {
  private readonly byUrn = new Map<string, Step>();
  /** The engine's error messages. */
  readonly errors: string[] = [];
  readonly violations: Violation[] = [];

  handle(event: EngineEvent): void {
    if (event.diagnosticEvent?.severity === "error") {
      this.errors.push(plain(event.diagnosticEvent.message));
    }
    if (event.policyEvent) this.violations.push(violationOf(event.policyEvent));
    const metadata = event.resourcePreEvent?.metadata;
    if (!metadata || HALVES.has(metadata.op)) return;
    const { op, urn, type, old, new: next, detailedDiff, diffs } = metadata;
    const known = this.byUrn.get(urn);
    if (known && known.op === "replace") return;
    // Absent or null, as the engine pleases.
    const paths = detailedDiff ? Object.keys(detailedDiff) : (diffs ?? []);
    this.byUrn.set(urn, {
      op,
      urn,
      type,
      name: urn.split("::").at(-1) ?? "",
      parent: (next ?? old)?.parent || undefined,
      paths: [...paths].sort(),
      before: factsOf(old?.inputs),
      after: factsOf(next?.inputs),
    });
  }

  get steps(): Step[] {
    return [...this.byUrn.values()];
  }
}

/** One of the engine's events as a violation. */
export function violationOf(event: PolicyEvent): Violation {
  return {
    policy: event.policyName,
    resource: event.resourceUrn?.split("::").at(-1) ?? "",
    // The policy's description, then a line for what this resource does against it.
    message: plain(event.message).split("\n").at(-1)?.trim() ?? "",
    mandatory: event.enforcementLevel === "mandatory",
  };
}

/** Without the engine's marks for colours. */
function plain(text: string): string {
  return text.replace(/<\{%[^%]*%\}>/g, "").trimEnd();
}

function factsOf(inputs: Record<string, unknown> | undefined): Facts {
  const text = (key: string) => (typeof inputs?.[key] === "string" ? inputs[key] : undefined);
  return {
    state: text("state"),
    deletion: text("deletion"),
    replicas: typeof inputs?.replicas === "number" ? inputs.replicas : undefined,
  };
}
