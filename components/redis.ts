import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { REDIS_VARIABLES } from "../plan/official-supervisor";
import type { Platform } from "../platforms/types";
import type { SecretEnvironment } from "./nocobase-instance";

export interface RedisArgs {
  platform: Platform;
}

/**
 * The Redis through which NocoBase's own supervisor and its environments know of each other. Whoever has its password
 * can command them, so it is part of what is trusted.
 *
 * @example new Redis("redis", { platform })
 */
export class Redis extends pulumi.ComponentResource {
  /** Variables by which NocoBase reaches it. */
  readonly environment: SecretEnvironment;

  constructor(name: string, { platform }: RedisArgs, options?: pulumi.ComponentResourceOptions) {
    super("nocobase-fleet:index:Redis", name, {}, options);
    if (!platform.redis) throw new Error("this platform runs no Redis");
    const password = new random.RandomPassword(
      `${name}-password`,
      { length: 32, special: false },
      { parent: this },
    ).result;
    const { url } = platform.redis(`${name}-server`, { password }, { parent: this });
    this.environment = Object.fromEntries(REDIS_VARIABLES.map((variable) => [variable, url]));
    this.registerOutputs({});
  }
}
