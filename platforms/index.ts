import type * as pulumi from "@pulumi/pulumi";
import { instancesOf } from "../plan/instances";
import type { StackPlan } from "../plan/types";
import { fleetRoot } from "../providers/local/root";
import { LocalPlatform } from "./local";
import { imagesOf, neighboursOf } from "./docker/attachment";
import { hostsOf } from "./kubernetes/attachment";
import type { Platform } from "./types";

export interface PlatformSecrets {
  /** Password of each registry of images, by its key. */
  readonly registryPasswords: Readonly<Record<string, pulumi.Output<string>>>;
}

/**
 * The platform a plan asks for.
 *
 * @param projectDir folder of Pulumi.yaml; the local platform keeps its data below it
 * @param secrets of the stack file
 * @throws if the plan lacks what its platform needs; validation refuses such a stack file before it comes here
 */
export function createPlatform(
  plan: StackPlan,
  projectDir: string,
  { registryPasswords }: PlatformSecrets,
): Platform {
  if (plan.platform === "local") {
    return new LocalPlatform({
      root: fleetRoot(projectDir, plan.stack),
      releases: plan.releases,
      attachedTo: plan.platformStack === undefined ? undefined : plan.facts.attachment,
    });
  }
  if (plan.platform === "docker") {
    // Its SDK takes half a second to load, which other platforms needn't pay.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- tsx hooks require(), not import(), in CommonJS
    const { DockerPlatform } = require("./docker") as typeof import("./docker");
    return new DockerPlatform({
      stack: plan.stack,
      releases: plan.releases,
      root: fleetRoot(projectDir, plan.stack),
      registries: Object.entries(plan.registries).map(([key, registry]) => ({
        ...registry,
        password: registryPasswords[key],
      })),
      neighbours: plan.platformStack === undefined ? undefined : neighboursOf(plan),
      ...imagesOf(plan),
    });
  }
  if (plan.kubernetes) {
    // Its SDK takes half a second to load, which other platforms needn't pay.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- tsx hooks require(), not import(), in CommonJS
    const { KubernetesPlatform } = require("./kubernetes") as typeof import("./kubernetes");
    const { stack, kubernetes: cluster, databaseServers } = plan;
    const servers = plan.platformStack === undefined ? {} : plan.facts.databaseServers;
    return new KubernetesPlatform({
      stack,
      cluster,
      instances: instancesOf(plan),
      registryPasswords,
      registryServer: plan.platformStack === undefined ? plan.registry?.server : undefined,
      servers: { ...servers, ...databaseServers },
      ...(plan.platformStack === undefined ? {} : { hosts: hostsOf(plan) }),
    });
  }
  throw new Error(`a plan for platform ${plan.platform} names no cluster`);
}
