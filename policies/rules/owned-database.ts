import type { StackValidationPolicy } from "@pulumi/policy";
import { DATABASE, ROLE } from "../types";

export const ownedDatabase: StackValidationPolicy = {
  name: "owned-database",
  description: "A database belongs to a role of its own, which owns no other.",
  severity: "critical",
  validateStack: ({ resources }, reportViolation) => {
    const owners = new Map<string, string>();
    for (const { type, name, urn, propertyDependencies } of resources) {
      if (type !== DATABASE) continue;
      const role = propertyDependencies.owner?.find((each) => each.type === ROLE);
      if (!role) {
        reportViolation(`Database ${name} would not belong to a role of this stack.`, urn);
        continue;
      }
      const other = owners.get(role.urn);
      if (other) reportViolation(`Databases ${other} and ${name} would belong to the same role.`, urn);
      owners.set(role.urn, name);
    }
  },
};
