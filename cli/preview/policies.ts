/** What policies say of a preview. */
import * as path from "node:path";
import { PROJECT_DIR } from "../../toolchain/locations";
import type { Violation } from "./steps";

/** This project's own policies, for the engine. */
export const policyPacks: readonly string[] = [path.join(PROJECT_DIR, "policies")];

/** True where a policy forbids it. */
export function isForbidden(violations: readonly Violation[]): boolean {
  return violations.some(({ mandatory }) => mandatory);
}

/** `unprivileged-role, crm-role: The role would have the privilege superuser.` */
export function violationLine({ policy, resource, message }: Violation): string {
  return `${policy}, ${resource}: ${message}`;
}
