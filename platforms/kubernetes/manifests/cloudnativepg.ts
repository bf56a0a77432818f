/** What the CloudNativePG operator is told of a server, its roles and its databases. Field names: its API, version 1.30. */
import { postgresCluster } from "../../../plan/names";
import type { CloudnativepgServerPlan, DatabasePlan, ObjectStorePlan } from "../../../plan/types";
import { metadata, type Manifest, type Place } from "./object";

const API = "postgresql.cnpg.io/v1";
/** The operator's plugin for object stores; its own way to them ends with release 1.31. */
const PLUGIN = "barman-cloud.cloudnative-pg.io";
const IMAGE = "ghcr.io/cloudnative-pg/postgresql";
/** Several instances, one after the other, each with an image to pull. */
const START_LIMIT_SECONDS = 1800;
const BACKUPS = "backups";
const ORIGIN = "origin";
const STORE_SECRET = "object-store";
const STORE_KEYS = ["accessKeyId", "secretAccessKey"] as const;

const cluster = { name: postgresCluster };
/** Pulumi waits until the operator says that it has done all of the object's latest version. */
const APPLIED = { "pulumi.com/waitFor": "jsonpath={.status.applied}=true" };

/** The server itself. @param databases all of its databases */
export function serverCluster(
  place: Place,
  server: CloudnativepgServerPlan,
  databases: readonly DatabasePlan[],
): Manifest {
  const { instances, version, image, storage, maxConnections } = server;
  return {
    apiVersion: API,
    kind: "Cluster",
    metadata: metadata(place, postgresCluster, {
      "pulumi.com/waitFor": "condition=Ready",
      "pulumi.com/timeoutSeconds": String(START_LIMIT_SECONDS),
    }),
    spec: {
      instances,
      imageName: image ?? `${IMAGE}:${version}`,
      enableSuperuserAccess: false,
      storage: { size: storage.size, ...(storage.class ? { storageClass: storage.class } : {}) },
      ...resourcesOf(server),
      postgresql: {
        parameters: { max_connections: String(maxConnections) },
        pg_hba: signInRules(databases),
      },
      ...backupsOf(server),
      ...recoveryOf(server),
    },
  };
}

/**
 * Who may open which database. The operator knows no grants on databases, and PostgreSQL lets everybody connect to a new
 * one; so nobody is let in but over TLS, each role to its own database.
 */
export function signInRules(databases: readonly Pick<DatabasePlan, "name" | "role">[]): string[] {
  const renamed = databases
    .filter(({ name, role }) => name !== role)
    .map(({ name, role }) => `hostssl "${name}" "${role}" all scram-sha-256`);
  return [...renamed.sort(), "hostssl sameuser all all scram-sha-256", "host all all all reject"];
}

function resourcesOf({ resources: { memoryMiB, cpuMillis } }: CloudnativepgServerPlan): object {
  if (memoryMiB === undefined && cpuMillis === undefined) return {};
  const memory = memoryMiB === undefined ? {} : { memory: `${memoryMiB}Mi` };
  const cpu = cpuMillis === undefined ? {} : { cpu: `${cpuMillis}m` };
  return { resources: { requests: { ...memory, ...cpu }, ...(memoryMiB ? { limits: memory } : {}) } };
}

function backupsOf({ backups, namespace }: CloudnativepgServerPlan): object {
  if (!backups) return {};
  const parameters = { barmanObjectName: BACKUPS, serverName: backups.name ?? namespace };
  return { plugins: [{ name: PLUGIN, isWALArchiver: true, parameters }] };
}

function recoveryOf({ recovery }: CloudnativepgServerPlan): object {
  if (!recovery) return {};
  const parameters = { barmanObjectName: ORIGIN, serverName: recovery.name };
  const target = recovery.until === undefined ? {} : { recoveryTarget: { targetTime: recovery.until } };
  return {
    bootstrap: { recovery: { source: ORIGIN, ...target } },
    externalClusters: [{ name: ORIGIN, plugin: { name: PLUGIN, parameters } }],
  };
}

/** What comes before the server. @param keys `accessKeyId` and `secretAccessKey` */
export function objectStores(
  place: Place,
  { backups, recovery }: CloudnativepgServerPlan,
  keys: unknown,
): Manifest[] {
  if (!backups && !recovery) return [];
  const secret: Manifest = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: metadata(place, STORE_SECRET),
    type: "Opaque",
    stringData: keys,
  };
  return [
    secret,
    ...(backups ? [objectStore(place, BACKUPS, backups, backups.retention)] : []),
    ...(recovery ? [objectStore(place, ORIGIN, recovery)] : []),
  ];
}

function objectStore(
  place: Place,
  name: string,
  { destination, endpoint }: ObjectStorePlan,
  retention?: string,
): Manifest {
  return {
    apiVersion: "barmancloud.cnpg.io/v1",
    kind: "ObjectStore",
    metadata: metadata(place, name),
    spec: {
      configuration: {
        destinationPath: destination,
        ...(endpoint ? { endpointURL: endpoint } : {}),
        s3Credentials: Object.fromEntries(STORE_KEYS.map((key) => [key, { name: STORE_SECRET, key }])),
      },
      ...(retention ? { retentionPolicy: retention } : {}),
    },
  };
}

/** Base backups; the write-ahead log is archived all the time. */
export function scheduledBackup(place: Place, { backups }: CloudnativepgServerPlan): Manifest | undefined {
  if (!backups) return undefined;
  return {
    apiVersion: API,
    kind: "ScheduledBackup",
    metadata: metadata(place, BACKUPS),
    spec: {
      cluster,
      schedule: backups.schedule,
      immediate: true,
      backupOwnerReference: "cluster",
      method: "plugin",
      pluginConfiguration: { name: PLUGIN },
    },
  };
}

/** @param key of the database's owner: `entry`, an environment's, an app's @param password of the role */
export function roleSecret(place: Place, key: string, { role }: DatabasePlan, password: unknown): Manifest {
  const named = metadata(place, `role-${key}`);
  return {
    apiVersion: "v1",
    kind: "Secret",
    // Has the operator give PostgreSQL a new password at once.
    metadata: { ...named, labels: { ...named.labels, "cnpg.io/reload": "true" } },
    type: "kubernetes.io/basic-auth",
    stringData: { username: role, password },
  };
}

/** A role without any privilege of its own. */
export function databaseRole(place: Place, key: string, plan: DatabasePlan): Manifest {
  return {
    apiVersion: API,
    kind: "DatabaseRole",
    metadata: metadata(place, key, APPLIED),
    spec: {
      cluster,
      name: plan.role,
      login: true,
      connectionLimit: plan.connectionLimit,
      passwordSecret: { name: `role-${key}` },
      databaseRoleReclaimPolicy: reclaimPolicy(plan),
    },
  };
}

export function database(place: Place, key: string, plan: DatabasePlan): Manifest {
  return {
    apiVersion: API,
    kind: "Database",
    metadata: metadata(place, key, APPLIED),
    spec: {
      cluster,
      name: plan.name,
      owner: plan.role,
      template: "template0",
      encoding: "UTF8",
      localeCollate: "C",
      localeCType: "C.UTF-8",
      databaseReclaimPolicy: reclaimPolicy(plan),
    },
  };
}

/** What becomes of role and database where their object is deleted, by whomever. */
function reclaimPolicy({ deletion }: DatabasePlan): "retain" | "delete" {
  return deletion === "delete" || deletion === "backup" ? "delete" : "retain";
}
