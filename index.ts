/** The Pulumi program: stack file → spec → plan → components → stack outputs. */
import * as pulumi from "@pulumi/pulumi";
import { createFleet, type FleetOutputs } from "./components/fleet";
import { readPulumiConfig } from "./config/pulumi";
import { planFleet } from "./plan/fleet";
import { createPlatform } from "./platforms";
import { projectDirectory } from "./toolchain/project";

// Pulumi calls an exported function inside the stack and takes what it resolves to as the stack's outputs.
export = function fleet(): Promise<FleetOutputs> {
  try {
    const { spec, secrets } = readPulumiConfig(pulumi.getStack());
    const plan = planFleet(spec);
    return Promise.resolve(createFleet(plan, createPlatform(plan, projectFolder()), secrets));
  } catch (error) {
    // Printing a stack that passes the SDK's files takes Node 20 up to half a minute.
    if (error instanceof pulumi.RunError) delete error.stack;
    throw error;
  }
};

/**
 * Where Pulumi.yaml lies. The engine's word for a program of its own; `fleet` runs in that folder. Not
 * `pulumi.getRootDirectory()`: under the Automation API that is the literal text "rootDirectory" (SDK 3.248).
 */
function projectFolder(): string {
  return process.env.PULUMI_NODEJS_ROOT_DIRECTORY ?? projectDirectory();
}
