import type { StackValidationPolicy } from "@pulumi/policy";
import { DATABASE, GRANT } from "../types";

export const closedDatabase: StackValidationPolicy = {
  name: "closed-database",
  description:
    "Nobody but its owner may connect to a database: PostgreSQL lets everybody unless that is revoked.",
  severity: "critical",
  validateStack: ({ resources }, reportViolation) => {
    const closed = new Set<string>();
    for (const { type, props, propertyDependencies } of resources) {
      // Of a grant on a server that is yet to be made, a preview knows no more than its database.
      if (type !== GRANT || (props.role !== undefined && props.role !== "public")) continue;
      for (const { urn } of propertyDependencies.database ?? []) closed.add(urn);
    }
    for (const { type, name, urn } of resources) {
      if (type === DATABASE && !closed.has(urn)) {
        reportViolation(`Database ${name} would be open to every role of its server.`, urn);
      }
    }
  },
};
