import type * as pulumi from "@pulumi/pulumi";
import { NocoBaseHost, type InstanceArgs } from "./nocobase-instance";

/**
 * A NocoBase that hosts business apps in shared memory. The apps' databases are their own: removing the
 * environment never touches them.
 *
 * @example new RuntimeEnvironment("blue", { plan: plan.environments.blue, platform, server })
 */
export class RuntimeEnvironment extends NocoBaseHost {
  constructor(name: string, args: InstanceArgs, options?: pulumi.ComponentResourceOptions) {
    super("nocobase-fleet:index:RuntimeEnvironment", name, args, options);
  }
}
