import type { ResourceValidationPolicy } from "@pulumi/policy";
import { GRANT } from "../types";

export const nothingForEverybody: ResourceValidationPolicy = {
  name: "nothing-for-everybody",
  description: "No grant gives every role of a server a right on a database.",
  severity: "critical",
  validateResource: ({ type, props }, reportViolation) => {
    if (type !== GRANT || props.role !== "public") return;
    const privileges = props.privileges as string[];
    if (privileges.length > 0) reportViolation(`It would give everybody ${privileges.join(", ")}.`);
  },
};
