/** Redis, by which NocoBase's own supervisor speaks to its environments: its data and its password in volumes. */
import * as pulumi from "@pulumi/pulumi";
import { Service, VolumeFiles } from "../../providers/docker/resources";
import type { RedisEndpoint, RedisRequest } from "../types";
import type { DockerFleet } from "./fleet";
import { hardened, labelsOf, memoryFolder, volumeMount } from "./hardening";
import { SECRETS_FOLDER } from "./images/profiles";
import { dockerName, REDIS } from "./names";

const PORT = 6379;
const CONFIG_FILE = "redis.conf";
/** States of apps and environments, and commands on their way: kilobytes each. */
const MEMORY_MIB = 256;
/** The append-only file is written out. */
const GRACE_SECONDS = 15;

/** Text of Redis' configuration. Pure. @param password letters and digits */
export function redisConfiguration(password: string, dataFolder: string): string {
  return [
    `requirepass ${password}`,
    `port ${PORT}`,
    `dir ${dataFolder}`,
    "appendonly yes",
    // The append-only file alone is enough, and a snapshot would fork.
    'save ""',
    "",
  ].join("\n");
}

export function createRedis(
  fleet: DockerFleet,
  name: string,
  { password }: RedisRequest,
  options: pulumi.CustomResourceOptions,
): RedisEndpoint {
  const { owner, volume: target } = fleet.profile.redis;
  const data = fleet.volume(`${name}-data`, REDIS, options);
  const secrets = fleet.volume(`${name}-secrets-volume`, `${REDIS}-secrets`, options);
  const config = new VolumeFiles(
    `${name}-secrets`,
    {
      volume: secrets.name,
      image: fleet.image("node"),
      owner,
      files: pulumi.secret({ [CONFIG_FILE]: password.apply((text) => redisConfiguration(text, target)) }),
    },
    { ...options, provider: fleet.contents, deleteBeforeReplace: true },
  );
  const container = fleet.container(
    name,
    {
      ...hardened({ limits: { memoryMiB: MEMORY_MIB }, graceSeconds: GRACE_SECONDS, readOnly: true }),
      name: dockerName(fleet.args.stack, REDIS),
      image: fleet.image("redis"),
      user: `${owner}:${owner}`,
      command: ["redis-server", `${SECRETS_FOLDER}/${CONFIG_FILE}`],
      mounts: [
        volumeMount(target, data.name),
        volumeMount(SECRETS_FOLDER, secrets.name, true),
        memoryFolder("/tmp", 16),
      ],
      // No port is published: NocoBase alone speaks to it, on the fleet's network.
      networksAdvanced: [{ name: fleet.network, aliases: [REDIS] }],
      healthcheck: {
        // It answers, be it to ask for the password.
        tests: ["CMD", "redis-cli", "-h", "127.0.0.1", "ping"],
        interval: "5s",
        timeout: "5s",
        startPeriod: "30s",
        retries: 5,
      },
      wait: true,
      waitTimeout: 60,
      labels: labelsOf({ stack: fleet.owner, part: REDIS, kind: "server" }),
    },
    { ...options, dependsOn: config },
  );
  const service = new Service(
    `${name}-service`,
    { name: REDIS, containers: [container.id] },
    { ...options, provider: fleet.contents },
  );
  const url = pulumi.all([password, service.id]).apply(([text]) => `redis://:${text}@${REDIS}:${PORT}/0`);
  return { resource: service, url: pulumi.secret(url) };
}
