/** The Pulumi program: stack file → spec → plan → components → stack outputs. */
import * as pulumi from "@pulumi/pulumi";
import { createFleet, type FleetOutputs } from "./components/fleet";
import { readPulumiConfig } from "./config/pulumi";
import { planFleet } from "./plan/fleet";
import { createPlatform } from "./platforms";

export = async function fleet(): Promise<FleetOutputs> {
  const { spec, secrets } = readPulumiConfig(pulumi.getStack());
  const plan = planFleet(spec);
  return createFleet(plan, createPlatform(plan), secrets);
};
