import type * as pulumi from "@pulumi/pulumi";
import { NocoBaseHost, type InstanceArgs } from "./nocobase-instance";

/**
 * The fleet's control plane: a NocoBase with its own database. Where no environment is declared it also hosts
 * the shared business apps.
 *
 * @example new EntryApp("entry", { plan: plan.entry, platform, server })
 */
export class EntryApp extends NocoBaseHost {
  constructor(name: string, args: InstanceArgs, options?: pulumi.ComponentResourceOptions) {
    super("nocobase-fleet:index:EntryApp", name, args, options);
  }
}
