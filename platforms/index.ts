import type { FleetPlan } from "../plan/types";
import { fleetRoot } from "../providers/local/root";
import { projectDirectory } from "../toolchain/project";
import { LocalPlatform } from "./local";
import type { Platform } from "./types";

/**
 * The platform a plan asks for.
 *
 * @throws if the platform has no implementation; validation refuses such a stack file before it comes here
 */
export function createPlatform(plan: FleetPlan): Platform {
  if (plan.platform === "local") {
    return new LocalPlatform({ root: fleetRoot(projectDirectory(), plan.stack), releases: plan.releases });
  }
  throw new Error(`platform "${plan.platform}" is not implemented`);
}
