import type { PlatformFacts, StackPlan } from "../plan/types";
import { fleetRoot } from "../providers/local/root";
import { LocalOperations } from "./local/operations";
import { DockerOperations } from "./docker/operations";
import type { Operations } from "./operations";

/**
 * Operations on a plan's platform.
 *
 * @throws if the platform has none; validation refuses such a stack file before it comes here
 */
export function createOperations(plan: StackPlan, projectDir: string): Operations {
  if (plan.platform === "local") return new LocalOperations(fleetRoot(projectDir, plan.stack));
  if (plan.platform === "docker") return new DockerOperations(plan.stack, plan);
  throw new Error(`platform "${plan.platform}" is not implemented`);
}

/** Operations on the platform that a tenant's stack stands on. @throws as {@link createOperations} does */
export function createPlatformOperations({ platform, attachment }: PlatformFacts): Operations {
  if (platform === "local" && attachment.root !== undefined) return new LocalOperations(attachment.root);
  if (platform === "docker" && attachment.stack !== undefined) return new DockerOperations(attachment.stack);
  throw new Error(`platform "${platform}" is not implemented`);
}
