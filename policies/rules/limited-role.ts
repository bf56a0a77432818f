import type { ResourceValidationPolicy } from "@pulumi/policy";
import { ROLE } from "../types";

export const limitedRole: ResourceValidationPolicy = {
  name: "limited-role",
  description: "A role has a connection limit: no app can take a server's connections from the others.",
  severity: "high",
  validateResource: ({ type, props }, reportViolation) => {
    if (type !== ROLE) return;
    const limit: unknown = props.connectionLimit;
    // PostgreSQL takes -1, and an absent one, for none.
    if (typeof limit !== "number" || limit < 1) reportViolation("The role would have no connection limit.");
  },
};
