import { instancesOf } from "../plan/instances";
import type { PlatformFacts, StackPlan } from "../plan/types";
import { fleetRoot } from "../providers/local/root";
import { LocalOperations } from "./local/operations";
import { DockerOperations } from "./docker/operations";
import { operatedOf } from "./kubernetes/attachment";
import type { KubernetesOperationsArgs } from "./kubernetes/operations";
import type { Operations } from "./operations";

type KubernetesOperationsModule = typeof import("./kubernetes/operations");

/**
 * Operations on a plan's platform.
 *
 * @throws if the plan lacks what its platform needs; validation refuses such a stack file before it comes here
 */
export function createOperations(plan: StackPlan, projectDir: string): Operations {
  if (plan.platform === "local") return new LocalOperations(fleetRoot(projectDir, plan.stack));
  if (plan.platform === "docker") return new DockerOperations(plan.stack, plan);
  if (plan.kubernetes) {
    const { stack, kubernetes: cluster } = plan;
    const platform = plan.platformStack === undefined ? undefined : createPlatformOperations(plan.facts);
    return kubernetesOperations({ stack, cluster, instances: instancesOf(plan), platform });
  }
  throw new Error(`a plan for platform ${plan.platform} names no cluster`);
}

/**
 * Operations on the platform that a tenant's stack stands on.
 *
 * @param hosts keys of the environments to look at, where each costs a question; default all
 * @throws as {@link createOperations} does
 */
export function createPlatformOperations(
  facts: PlatformFacts,
  hosts = Object.keys(facts.environments),
): Operations {
  const { platform, attachment } = facts;
  if (platform === "local" && attachment.root !== undefined) return new LocalOperations(attachment.root);
  if (platform === "docker" && attachment.stack !== undefined) return new DockerOperations(attachment.stack);
  if (platform === "kubernetes" && attachment.stack !== undefined) {
    return kubernetesOperations({
      stack: attachment.stack,
      cluster: {},
      instances: operatedOf(facts, hosts),
    });
  }
  throw new Error(`platform "${platform}" is not implemented`);
}

function kubernetesOperations(args: KubernetesOperationsArgs): Operations {
  // Its client takes time to load, which other platforms needn't pay.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- tsx hooks require(), not import(), in CommonJS
  const { KubernetesOperations } = require("./kubernetes/operations") as KubernetesOperationsModule;
  return new KubernetesOperations(args);
}
