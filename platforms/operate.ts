import type { StackPlan } from "../plan/types";
import { fleetRoot } from "../providers/local/root";
import { LocalOperations } from "./local/operations";
import type { Operations } from "./operations";

/**
 * Operations on a plan's platform.
 *
 * @throws if the platform has none; validation refuses such a stack file before it comes here
 */
export function createOperations(plan: StackPlan, projectDir: string): Operations {
  if (plan.platform === "local") return new LocalOperations(fleetRoot(projectDir, plan.stack));
  throw new Error(`platform "${plan.platform}" is not implemented`);
}
