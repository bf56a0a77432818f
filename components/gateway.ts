import * as pulumi from "@pulumi/pulumi";
import type { GatewayPlan } from "../plan/types";
import type { Platform } from "../platforms/types";

export interface GatewayArgs {
  plan: GatewayPlan;
  platform: Platform;
  /** Address of each instance by its key: `entry`, environments, dedicated apps. */
  targets: Readonly<Record<string, pulumi.Output<string>>>;
}

/**
 * The fleet's one address. It routes by host name and by path, and answers for stopped apps itself.
 *
 * @example new Gateway("gateway", { plan: plan.gateway, platform, targets: { entry: entry.url } })
 */
export class Gateway extends pulumi.ComponentResource {
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: GatewayArgs, options?: pulumi.ComponentResourceOptions) {
    super("nocobase-fleet:index:Gateway", name, {}, options);
    const { plan, platform, targets } = args;
    this.url = platform.gateway(`${name}-server`, { plan, targets }, { parent: this }).url;
    this.registerOutputs({ url: this.url });
  }
}
