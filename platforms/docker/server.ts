/** A managed PostgreSQL server: its data in a volume, its administrator's password in another. */
import * as pulumi from "@pulumi/pulumi";
import type { ManagedServerPlan } from "../../plan/types";
import { Server, VolumeFiles } from "../../providers/docker/resources";
import type { ManagedServerRequest, ServerEndpoint } from "../types";
import type { DockerFleet } from "./fleet";
import { hardened, labelsOf, memoryFolder, volumeMount } from "./hardening";
import { SECRETS_FOLDER } from "./images/profiles";
import { dockerName } from "./names";

const PORT = 5432;
const PASSWORD_FILE = "password";
/** 128 MiB of shared buffers, some 5 MiB for each connection at work, and the page cache that makes it quick. */
const MEMORY_MIB = 2048;
/** Sessions end, the checkpoint is written. */
const GRACE_SECONDS = 60;

/** Host name within networks. A tenant's may be on its platform's, where two stacks may have servers of one name. */
export function serverHost({ args }: DockerFleet, { name }: Pick<ManagedServerPlan, "name">): string {
  return args.platform ? dockerName(args.stack, name) : name;
}

export function createServer(
  fleet: DockerFleet,
  name: string,
  { plan, adminPassword }: ManagedServerRequest,
  options: pulumi.CustomResourceOptions,
): ServerEndpoint {
  const { owner, volume: target } = fleet.profile.postgres;
  const host = serverHost(fleet, plan);
  const { platform } = fleet.args;
  const networks = [fleet.network, ...(platform?.shared.includes(plan.key) ? [platform.network] : [])];
  const data = fleet.volume(`${name}-data`, plan.name, options);
  const secrets = fleet.volume(`${name}-secrets-volume`, `${plan.name}-secrets`, options);
  const password = new VolumeFiles(
    `${name}-secrets`,
    {
      volume: secrets.name,
      image: fleet.image("node"),
      owner,
      files: pulumi.secret({ [PASSWORD_FILE]: adminPassword }),
    },
    { ...options, provider: fleet.contents, deleteBeforeReplace: true },
  );
  const container = fleet.container(
    name,
    {
      ...hardened({ limits: { memoryMiB: MEMORY_MIB }, graceSeconds: GRACE_SECONDS, readOnly: true }),
      name: dockerName(fleet.args.stack, plan.name),
      image: fleet.image("postgres"),
      user: `${owner}:${owner}`,
      // The port within is the image's; a connection that waits for its turn is cheap.
      command: ["postgres", "-c", `max_connections=${plan.maxConnections}`],
      envs: [
        `POSTGRES_USER=${plan.adminUser}`,
        `POSTGRES_PASSWORD_FILE=${SECRETS_FOLDER}/${PASSWORD_FILE}`,
        `PGDATA=${target}/data`,
      ],
      mounts: [
        volumeMount(target, data.name),
        volumeMount(SECRETS_FOLDER, secrets.name, true),
        memoryFolder("/tmp", 64),
        memoryFolder("/var/run/postgresql", 1),
      ],
      shmSize: 256,
      stopSignal: "SIGINT",
      networksAdvanced: networks.map((network) => ({ name: network, aliases: [host] })),
      ports: [{ internal: PORT, external: plan.port, ip: plan.host }],
      healthcheck: {
        tests: ["CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", plan.adminUser],
        interval: "2s",
        timeout: "5s",
        startPeriod: "1m0s",
        retries: 5,
      },
      wait: true,
      waitTimeout: 120,
      labels: labelsOf({ stack: fleet.owner, part: plan.name, kind: "server" }),
    },
    { ...options, dependsOn: password },
  );
  const server = new Server(
    `${name}-service`,
    {
      name: plan.name,
      containers: [container.id],
      volume: data.name,
      port: plan.port,
      adminUser: plan.adminUser,
      adminPassword,
    },
    { ...options, provider: fleet.contents },
  );
  // Constants, so that nothing that connects is made anew with the container.
  return { resource: server, host: pulumi.output(host), port: pulumi.output(PORT) };
}
