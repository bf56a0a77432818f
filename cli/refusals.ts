/** What an operation is refused for before anything is touched: once, for one stack and for many. */
import type { StackPlan } from "../plan/types";
import type { StateResource } from "./pending";
import { refuseProtected } from "./protection";
import { refuseServerMoves } from "./server-moves";
import type { FleetStack } from "./session";
import { refuseStranding } from "./tenants";

/**
 * Says no to a change that removes what is protected, leaves databases behind, or takes tenants' ground away.
 *
 * @param keep the plan whose parts stay; undefined for destroy
 * @throws UserError naming all that is in the way of the first of these
 */
export async function refuseChange(stack: FleetStack, keep: StackPlan | undefined): Promise<void> {
  refuseProtected(stack.resources, keep);
  await refuseLosses(stack, stack.resources, keep);
}

/**
 * Says no to what leaves databases behind or takes tenants' ground away. A preview is refused for this alone: what is
 * protected is shown there.
 *
 * @param resources what the state holds
 * @param keep the plan whose parts stay; undefined for destroy
 * @throws UserError naming all that is in the way of the first of these
 */
export async function refuseLosses(
  { name, engine }: FleetStack,
  resources: readonly StateResource[],
  keep: StackPlan | undefined,
): Promise<void> {
  await refuseStranding({ stack: name, resources, keep }, engine);
  if (keep) refuseServerMoves(resources, keep);
}
