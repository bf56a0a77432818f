/** A PostgreSQL server that the CloudNativePG operator runs, in a namespace of its own. */
import type * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ServerGuard } from "../../providers/kubernetes/resources";
import type { OperatedDatabaseRequest, OperatedServer, OperatedServerRequest } from "../types";
import {
  database,
  databaseRole,
  objectStores,
  roleSecret,
  scheduledBackup,
  serverCluster,
} from "./manifests/cloudnativepg";
import { serverPolicies } from "./manifests/database-policies";
import { namespace } from "./manifests/namespace";
import type { Manifest, Place } from "./manifests/object";
import { createObject } from "./objects";

export interface OperatedServerGround {
  readonly place: Place;
  readonly provider: kubernetes.Provider;
  /** Of the kubeconfig; undefined is its current one. */
  readonly context?: string;
  /** Namespaces of the instances that reach it. */
  readonly users: readonly string[];
}

/** Namespace, network policies, the server, its backups, and the guard that keeps it while it holds databases. */
export function createOperatedServer(
  name: string,
  { plan, databases, objectStoreKeys }: OperatedServerRequest,
  { place, provider, context, users }: OperatedServerGround,
  options: pulumi.CustomResourceOptions,
): OperatedServer {
  const within = { ...options, provider };
  const create = (suffix: string, manifest: Manifest, dependsOn: pulumi.Resource[]) =>
    createObject(`${name}-${suffix}`, manifest, { ...within, dependsOn });

  const space = createObject(`${name}-namespace`, namespace(place), within);
  const policies = serverPolicies(place, plan, users).map((each) =>
    create(each.metadata.name, each, [space]),
  );
  const keys = pulumi.secret(pulumi.output({ ...objectStoreKeys }));
  const stores = objectStores(place, plan, keys).map((each) =>
    create(`${each.metadata.name}-store`, each, [space]),
  );
  const server = createObject(name, serverCluster(place, plan, databases), {
    ...within,
    dependsOn: [...policies, ...stores],
  });
  const schedule = scheduledBackup(place, plan);
  if (schedule) create("backups", schedule, [server]);
  const { version, storage } = plan;
  const guard = new ServerGuard(
    `${name}-guard`,
    {
      server: plan.key,
      address: { namespace: place.namespace, ...(context === undefined ? {} : { context }) },
      version,
      size: storage.size,
      storageClass: storage.class ?? "",
    },
    { ...options, dependsOn: [server] },
  );
  return {
    resource: guard,
    host: pulumi.output(plan.host),
    port: pulumi.output(plan.port),
    database: (key, request, own) => createDatabase(key, request, place, { ...own, provider }, guard),
  };
}

/** Password, role, database; each waits until the operator has made the one before. */
function createDatabase(
  key: string,
  { plan, password }: OperatedDatabaseRequest,
  place: Place,
  options: pulumi.CustomResourceOptions,
  guard: pulumi.Resource,
): pulumi.Resource {
  const secret = createObject(`${key}-role-password`, roleSecret(place, key, plan, pulumi.secret(password)), {
    ...options,
    dependsOn: [guard],
  });
  const role = createObject(`${key}-role`, databaseRole(place, key, plan), {
    ...options,
    dependsOn: [secret],
  });
  return createObject(`${key}-db`, database(place, key, plan), { ...options, dependsOn: [role] });
}
