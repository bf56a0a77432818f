import { readFleetSpec } from "../../../config/read";
import { planFleet } from "../../../plan/fleet";
import type { FleetPlan } from "../../../plan/types";

/** Plans the `nocobase-fleet:*` values of a stack file. @throws if they have a fault */
export function planOf(values: Record<string, unknown>, stack = "test"): FleetPlan {
  const { spec, faults } = readFleetSpec({ stack, values });
  if (faults) throw new Error(faults.map(({ path, problem }) => `${path} ${problem}`).join("\n"));
  return planFleet(spec);
}

/** Entry app, environment `blue` with two shared apps, one dedicated app. */
export const hybridPlan = planOf({
  environments: { blue: {} },
  apps: {
    crm: { title: "CRM", environment: "blue" },
    support: { title: "Support", environment: "blue", state: "stopped" },
    erp: { title: "ERP", isolation: "dedicated" },
  },
});
