import type { PolicyResource, StackValidationPolicy } from "@pulumi/policy";
import { DATABASE, DELETION, isPart } from "../types";

const decisions = ["backup", "retain", "delete"];

export const decidedDeletion: StackValidationPolicy = {
  name: "decided-deletion",
  description: "A database is protected unless its stack file says what becomes of it.",
  severity: "critical",
  validateStack: ({ resources }, reportViolation) => {
    const decided = new Set(
      resources
        .filter(({ props }) => decisions.includes(deletionOf(props) ?? ""))
        .map((each) => partOf(each)?.urn),
    );
    for (const resource of resources) {
      if (resource.type !== DATABASE || resource.opts.protect) continue;
      const part = partOf(resource);
      if (part && decided.has(part.urn)) continue;
      reportViolation(
        `Database ${resource.name} could be deleted by mistake: it isn't protected.`,
        resource.urn,
      );
    }
  },
};

/** Of the resource of an app's files: a property, or in a cluster an annotation of their volume. */
function deletionOf(props: PolicyResource["props"]): string | undefined {
  const { metadata, deletion } = props as {
    metadata?: { annotations?: Record<string, string> };
    deletion?: string;
  };
  return deletion ?? metadata?.annotations?.[DELETION];
}

/** The app, environment or entry app that a resource belongs to. */
function partOf(resource: PolicyResource): PolicyResource | undefined {
  let at: PolicyResource | undefined = resource;
  while (at && !isPart(at.type)) at = at.parent;
  return at;
}
