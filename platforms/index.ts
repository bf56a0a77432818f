import type { StackPlan } from "../plan/types";
import { fleetRoot } from "../providers/local/root";
import { LocalPlatform } from "./local";
import type { Platform } from "./types";

/**
 * The platform a plan asks for.
 *
 * @param projectDir folder of Pulumi.yaml; the local platform keeps its data below it
 * @throws if the platform has no implementation; validation refuses such a stack file before it comes here
 */
export function createPlatform(plan: StackPlan, projectDir: string): Platform {
  if (plan.platform === "local") {
    return new LocalPlatform({
      root: fleetRoot(projectDir, plan.stack),
      releases: plan.releases,
      attachedTo: plan.platformStack === undefined ? undefined : plan.facts.attachment,
    });
  }
  throw new Error(`platform "${plan.platform}" is not implemented`);
}
