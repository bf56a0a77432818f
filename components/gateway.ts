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
  /** In force once this exists or was updated. */
  readonly resource: pulumi.Resource;

  constructor(name: string, args: GatewayArgs, options?: pulumi.ComponentResourceOptions) {
    super("nocobase-fleet:index:Gateway", name, {}, options);
    const { plan, platform, targets } = args;
    const server = platform.gateway(`${name}-server`, { plan, targets }, { parent: this });
    this.url = server.url;
    this.resource = server.resource;
    this.registerOutputs({ url: this.url });
  }
}
