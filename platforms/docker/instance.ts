/** One NocoBase: its files and secrets in volumes, a container for each replica. */
import { createHmac } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { InstancePlan, ReplicaPlan } from "../../plan/types";
import { Instance, Service, VolumeFiles } from "../../providers/docker/resources";
import type { InstanceHandle, InstanceRequest } from "../types";
import { LAUNCHER_GRACE_SECONDS, memoryLimit, plainVariables, secretsText } from "./environment";
import { dependenciesOf, type DockerFleet } from "./fleet";
import { hardened, labelsOf, memoryFolder, volumeMount } from "./hardening";
import { SECRETS_FOLDER } from "./images/profiles";
import { dockerName, hostOf } from "./names";

/** Requests under way end, then NocoBase does. */
const GRACE_SECONDS = LAUNCHER_GRACE_SECONDS + 5;
/** A first start takes 10–25 s, an upgrade to another release longer. */
const START_LIMIT_SECONDS = 600;
/** Where NocoBase looks for its licence key, below the folder of its files. */
const LICENSE_FILE = ".license/license-key";

export interface InstanceArgs extends InstanceRequest {
  /** Volume of its files. */
  readonly storage: pulumi.Output<string>;
}

/** Makes the containers of an instance, none where it is stopped: its volumes stay. */
export function createInstance(
  fleet: DockerFleet,
  name: string,
  args: InstanceArgs,
  options: pulumi.CustomResourceOptions,
): InstanceHandle {
  const { plan } = args;
  const secrets = createSecrets(fleet, name, args, options);
  const [written] = secrets.files;
  if (plan.state === "stopped") return { resource: written, url: pulumi.output(plan.url) };

  const first = createReplica(fleet, name, { ...args, ...secrets, number: 1 }, options);
  // What is set up inside must not happen twice, so the other replicas come after it.
  const settled = new Instance(
    `${name}-setup`,
    {
      name: plan.name,
      container: first.id,
      host: plan.host,
      port: plan.port,
      key: plan.key,
      title: plan.title,
      hostsApps: plan.hostsApps,
      rootEmail: plan.root.email,
      rootPassword: args.rootPassword,
    },
    { ...options, provider: fleet.contents },
  );
  const containers = [first];
  let before: pulumi.Resource = settled;
  for (let number = 2; number <= plan.replicas.length; number++) {
    // One after the other: while one is made anew, the others serve.
    const each = createReplica(
      fleet,
      `${name}.${number}`,
      { ...args, ...secrets, number },
      { ...options, dependsOn: [before] },
    );
    containers.push(each);
    before = each;
  }
  const service = new Service(
    `${name}-service`,
    { name: plan.name, containers: containers.map(({ id }) => id) },
    { ...options, dependsOn: [settled], provider: fleet.contents },
  );
  // Known once it answers: the gateway routes to it only then.
  return { resource: service, url: service.id.apply(() => plan.url) };
}

interface Secrets {
  /** Volume with the file of secret variables. */
  readonly volume: pulumi.Output<string>;
  /** All that is written before a container starts. */
  readonly files: readonly [VolumeFiles, ...VolumeFiles[]];
  /** Changes with the secrets and tells nothing of them: without it a new secret would start nothing anew. */
  readonly mark: pulumi.Output<string>;
}

function createSecrets(
  fleet: DockerFleet,
  name: string,
  { plan, database, secretEnv, license, storage }: InstanceArgs,
  options: pulumi.CustomResourceOptions,
): Secrets {
  const { owner, secrets } = fleet.profile.nocobase;
  const volume = fleet.volume(`${name}-secrets-volume`, `${plan.name}-secrets`, options);
  const text = pulumi
    .all([pulumi.all(secretEnv), database.password])
    .apply(([variables, password]) => secretsText(secrets.format, { ...variables, DB_PASSWORD: password }));
  const write = (what: string, into: pulumi.Output<string>, file: string, content: pulumi.Output<string>) =>
    new VolumeFiles(
      `${name}-${what}`,
      { volume: into, image: fleet.image("node"), owner, files: pulumi.secret({ [file]: content }) },
      { ...options, provider: fleet.contents, deleteBeforeReplace: true },
    );
  const files: Secrets["files"] = [
    write("secrets", volume.name, secrets.name, text),
    ...(license ? [write("license", storage, LICENSE_FILE, license)] : []),
  ];
  const key = secretEnv.APP_KEY ?? database.password;
  const mark = pulumi
    .all([text, license ?? "", key])
    .apply(([content, licenseKey, secret]) =>
      createHmac("sha256", secret).update(content).update(licenseKey).digest("hex").slice(0, 16),
    );
  return { volume: volume.name, files, mark: pulumi.unsecret(mark) };
}

function createReplica(
  fleet: DockerFleet,
  name: string,
  args: InstanceArgs & Secrets & { number: number },
  options: pulumi.CustomResourceOptions,
) {
  const { plan, number, database } = args;
  const profile = fleet.profile.nocobase;
  const replica = replicaOf(plan, number);
  const { host, port, name: databaseName, sslMode } = database;
  const envs = pulumi.all([host, port, databaseName, database.user]).apply(([dbHost, dbPort, dbName, user]) =>
    plainVariables({
      plan,
      replica,
      profile,
      database: { host: dbHost, port: dbPort, name: dbName, user, sslMode },
    }),
  );
  const labels = labelsOf({ stack: fleet.owner, part: plan.name, kind: "instance", replica: number });
  const limits = { ...plan.resources, memoryMiB: memoryLimit(plan) };
  return fleet.container(
    name,
    {
      ...hardened({ limits, graceSeconds: GRACE_SECONDS, readOnly: profile.readOnly }),
      ...(profile.entrypoints ? { entrypoints: [...profile.entrypoints] } : {}),
      name: dockerName(fleet.args.stack, replica.name),
      image: fleet.image("nocobase", plan.release),
      envs: pulumi.unsecret(envs),
      mounts: [
        volumeMount(profile.storage, args.storage),
        volumeMount(SECRETS_FOLDER, args.volume, true),
        memoryFolder("/tmp", 256),
      ],
      networksAdvanced: [{ name: fleet.network, aliases: [hostOf(replica.name)] }],
      // The first one alone: fleet sets up there what is inside.
      ports: number === 1 ? [{ internal: profile.port, external: plan.port, ip: plan.host }] : [],
      healthcheck: {
        tests: [...profile.health],
        interval: "5s",
        timeout: "10s",
        startPeriod: "10m0s",
        retries: 3,
      },
      // For the first one our own resource waits, which tells what a container that doesn't come up says.
      wait: number > 1,
      waitTimeout: START_LIMIT_SECONDS,
      labels: [
        ...labels,
        ...fleet.peerLabels(plan.database.server),
        { label: "nocobase-fleet.secrets", value: args.mark },
      ],
    },
    { ...options, dependsOn: [...dependenciesOf(options), ...args.files] },
  );
}

function replicaOf({ replicas, name }: InstancePlan, number: number): ReplicaPlan {
  const replica = replicas[number - 1];
  if (!replica) throw new Error(`${name} has no replica ${number}`);
  return replica;
}
