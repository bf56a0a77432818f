import type { InstancePlan, StackPlan } from "./types";

/** Every NocoBase of a plan: the entry app, environments, dedicated apps. */
export function instancesOf(plan: StackPlan): InstancePlan[] {
  const dedicated = Object.values(plan.apps).flatMap(({ instance }) => instance ?? []);
  if (plan.platformStack !== undefined) return dedicated;
  return [plan.entry, ...Object.values(plan.environments), ...dedicated];
}
