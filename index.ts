/** The Pulumi program: stack file → spec → plan → components → stack outputs. */
import * as pulumi from "@pulumi/pulumi";
import { createFleet, type FleetOutputs } from "./components/fleet";
import { createTenant, type TenantOutputs } from "./components/tenant";
import { readPlatformStack } from "./config/platform-stack";
import { readPulumiConfig } from "./config/pulumi";
import { planFleet } from "./plan/fleet";
import { planTenant } from "./plan/tenant";
import { createPlatform } from "./platforms";
import { projectDirectory } from "./toolchain/project";

// Pulumi calls an exported function inside the stack and takes what it resolves to as the stack's outputs.
export = async function fleet(): Promise<FleetOutputs | TenantOutputs> {
  try {
    const { spec, secrets } = readPulumiConfig(pulumi.getStack());
    if (spec.platformStack !== undefined) return await tenant(spec.platformStack);
    const plan = planFleet(spec);
    return createFleet(plan, createPlatform(plan, projectFolder(), secrets), secrets);
  } catch (error) {
    // Printing a stack that passes the SDK's files takes Node 20 up to half a minute.
    if (error instanceof pulumi.RunError) delete error.stack;
    throw error;
  }
};

/** A tenant's stack: what its platform has is known only now, so its file is checked once more with that. */
async function tenant(platformStack: string): Promise<TenantOutputs> {
  const { facts, secrets: platformSecrets } = await readPlatformStack(platformStack);
  const { spec, secrets } = readPulumiConfig(pulumi.getStack(), facts);
  const plan = planTenant(spec, facts);
  const platform = createPlatform(plan, projectFolder(), secrets);
  return createTenant({ plan, platform, secrets, platformSecrets });
}

/**
 * Where Pulumi.yaml lies. The engine's word for a program of its own; `fleet` runs in that folder. Not
 * `pulumi.getRootDirectory()`: under the Automation API that is the literal text "rootDirectory" (SDK 3.248).
 */
function projectFolder(): string {
  return process.env.PULUMI_NODEJS_ROOT_DIRECTORY ?? projectDirectory();
}
