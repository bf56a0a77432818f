import type { ResourceValidationPolicy } from "@pulumi/policy";
import { ROLE } from "../types";

/** Attributes of PostgreSQL's CREATE ROLE that reach beyond a role's own database, by their names in the resource. */
const privileges = {
  superuser: "superuser",
  createDatabase: "createdb",
  createRole: "createrole",
  replication: "replication",
  bypassRowLevelSecurity: "bypassrls",
} as const;

export const unprivilegedRole: ResourceValidationPolicy = {
  name: "unprivileged-role",
  description: "A role owns its database and has no privilege beyond it.",
  severity: "critical",
  validateResource: ({ type, props }, reportViolation) => {
    if (type !== ROLE) return;
    for (const [property, privilege] of Object.entries(privileges)) {
      if (props[property] === true) reportViolation(`The role would have the privilege ${privilege}.`);
    }
    const roles: unknown = props.roles;
    if (Array.isArray(roles) && roles.length > 0) {
      reportViolation(`The role would be a member of ${roles.join(", ")} and have their rights.`);
    }
  },
};
