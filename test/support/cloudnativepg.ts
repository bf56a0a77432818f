/**
 * CloudNativePG for test clusters. Its kinds, as far as fleets use them: a field that isn't listed here is refused. And a
 * small part in the operator's place, which says that clusters are ready and does on a real PostgreSQL what roles and
 * databases ask for. The operator itself needs nodes that run its pods.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { escapeIdentifier, escapeLiteral } from "pg";
import type { Props } from "../../providers/kit/types";
import type { Cluster } from "../../toolchain/plugins/kubernetes/api/cluster";
import { ApiError } from "../../toolchain/plugins/kubernetes/api/errors";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import type { TestPostgres } from "../plugins/support/postgres";

const GROUP = "postgresql.cnpg.io";
const API = `${GROUP}/v1`;
const POLL_MS = 100;
const FINALIZER = "cnpg.io/delete-in-postgres";

const text = { type: "string" };
const whole = { type: "integer" };
const flag = { type: "boolean" };
const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const texts = { type: "object", additionalProperties: text };
const list = (items: object) => ({ type: "array", items });
const map = (properties: object, required: string[] = []) => ({ type: "object", properties, required });
const fixed = (schema: object) => ({
  ...schema,
  "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "is immutable" }],
});
const cluster = fixed(map({ name: text }));
const policy = { type: "string", enum: ["retain", "delete"], default: "retain" };
const plugin = map({ name: text, isWALArchiver: flag, parameters: texts }, ["name"]);
const quantity = { "x-kubernetes-int-or-string": true };
const quantities = { type: "object", additionalProperties: quantity };
const secretKey = map({ name: text, key: text }, ["name", "key"]);

function definition(group: string, kind: string, spec: object): KubernetesObject {
  const singular = kind.toLowerCase();
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${singular}s.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: `${singular}s`, singular, kind },
      versions: [
        {
          ...{ name: "v1", served: true, storage: true, subresources: { status: {} } },
          schema: { openAPIV3Schema: map({ spec, status: open }, ["spec"]) },
        },
      ],
    },
  };
}

/** What the operator's release and its plugin's bring. */
export const CLOUDNATIVEPG_KINDS: readonly KubernetesObject[] = [
  definition(
    GROUP,
    "Cluster",
    map(
      {
        instances: { ...whole, minimum: 1 },
        imageName: text,
        enableSuperuserAccess: flag,
        storage: map({ size: text, storageClass: text }),
        resources: map({ requests: quantities, limits: quantities }),
        postgresql: map({ parameters: texts, pg_hba: list(text) }),
        plugins: list(plugin),
        externalClusters: list(map({ name: text, plugin }, ["name"])),
        bootstrap: map({ recovery: map({ source: text, recoveryTarget: map({ targetTime: text }) }) }),
      },
      ["instances"],
    ),
  ),
  definition(
    GROUP,
    "DatabaseRole",
    map(
      {
        cluster,
        name: fixed(text),
        login: flag,
        connectionLimit: whole,
        passwordSecret: map({ name: text }, ["name"]),
        databaseRoleReclaimPolicy: policy,
      },
      ["cluster", "name"],
    ),
  ),
  definition(
    GROUP,
    "Database",
    map(
      {
        cluster,
        name: fixed(text),
        owner: text,
        template: fixed(text),
        encoding: fixed(text),
        localeCollate: fixed(text),
        localeCType: fixed(text),
        databaseReclaimPolicy: policy,
      },
      ["cluster", "name", "owner"],
    ),
  ),
  definition(
    GROUP,
    "ScheduledBackup",
    map(
      {
        cluster,
        schedule: text,
        immediate: flag,
        backupOwnerReference: { type: "string", enum: ["none", "self", "cluster"] },
        method: { type: "string", enum: ["barmanObjectStore", "volumeSnapshot", "plugin"] },
        pluginConfiguration: map({ name: text }, ["name"]),
      },
      ["cluster", "schedule"],
    ),
  ),
  definition(
    "barmancloud.cnpg.io",
    "ObjectStore",
    map({
      configuration: map(
        {
          destinationPath: text,
          endpointURL: text,
          s3Credentials: map({ accessKeyId: secretKey, secretAccessKey: secretKey }),
        },
        ["destinationPath"],
      ),
      retentionPolicy: text,
    }),
  ),
];

interface Spec {
  name: string;
  owner: string;
  connectionLimit: number;
  passwordSecret: { name: string };
  databaseReclaimPolicy?: string;
  databaseRoleReclaimPolicy?: string;
}

/** Plays the operator. Make it with {@link PlayedOperator.start}. */
export class PlayedOperator {
  private readonly end = new AbortController();
  private readonly passwords = new Map<string, string>();
  private failure?: Error;
  private work: Promise<void> = Promise.resolve();

  private constructor(
    private readonly objects: Cluster,
    private readonly postgres: TestPostgres,
    private readonly namespace: string,
  ) {}

  /** @param namespace of the one server that there is */
  static start(objects: Cluster, postgres: TestPostgres, namespace: string): PlayedOperator {
    const operator = new PlayedOperator(objects, postgres, namespace);
    operator.work = operator.run();
    return operator;
  }

  /** @throws what it failed with first */
  async stop(): Promise<void> {
    this.end.abort();
    await this.work;
    if (this.failure) throw this.failure;
  }

  private async run(): Promise<void> {
    const { signal } = this.end;
    while (!signal.aborted) {
      await this.round().catch((error: unknown) => {
        // The API server takes a moment to serve kinds that are new to it.
        if (!(error instanceof ApiError && error.code === 429)) this.failure ??= error as Error;
      });
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async round(): Promise<void> {
    for (const kind of ["Cluster", "DatabaseRole", "Database"]) {
      const metadata = { namespace: this.namespace };
      const all = await this.objects.list({ apiVersion: API, kind, metadata });
      for (const object of all) await this.reconcile(object);
    }
  }

  /** Objects change, and go, while they are worked on: the next round sees to that. */
  private async reconcile(object: KubernetesObject): Promise<void> {
    if (object.kind === "Cluster") {
      const conditions = [{ type: "Ready", status: "True", reason: "ClusterIsReady", message: "" }];
      await this.report(object, { phase: "Cluster in healthy state", conditions });
      return;
    }
    const isRole = object.kind === "DatabaseRole";
    const spec = object.spec as Spec;
    const {
      deletionTimestamp,
      generation,
      finalizers = [],
    } = object.metadata as Props & { finalizers?: string[] };
    if (deletionTimestamp !== undefined) {
      if (finalizers.length === 0) return;
      const policyOf = isRole ? spec.databaseRoleReclaimPolicy : spec.databaseReclaimPolicy;
      const name = escapeIdentifier(spec.name);
      if (policyOf === "delete") {
        await this.postgres.sql(
          isRole ? `DROP ROLE IF EXISTS ${name}` : `DROP DATABASE IF EXISTS ${name} (FORCE)`,
        );
      }
      await this.objects
        .patch(object, [{ op: "remove", path: "/metadata/finalizers" }])
        .catch(() => undefined);
      return;
    }
    if (!finalizers.includes(FINALIZER)) {
      const operation = { op: "add", path: "/metadata/finalizers", value: [FINALIZER] };
      await this.objects.patch(object, [operation], { fieldManager: "manager" }).catch(() => undefined);
    }
    await (isRole ? this.makeRole(object, spec) : this.makeDatabase(spec));
    await this.report(object, { applied: true, observedGeneration: generation });
  }

  private async makeRole({ metadata: { namespace } }: KubernetesObject, spec: Spec): Promise<void> {
    const reference = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace, name: spec.passwordSecret.name },
    };
    const secret = (await this.objects.find(reference)) as { data?: Record<string, string> } | undefined;
    // It goes with its namespace, before the role's object does.
    if (!secret) return;
    const password = Buffer.from(secret.data?.password ?? "", "base64").toString("utf8");
    const wanted = JSON.stringify([password, spec.connectionLimit]);
    if (this.passwords.get(spec.name) === wanted) return;
    const [found] = await this.postgres.sql("SELECT 1 FROM pg_roles WHERE rolname = $1", [spec.name]);
    const role = `${escapeIdentifier(spec.name)} LOGIN CONNECTION LIMIT ${spec.connectionLimit}`;
    await this.postgres.sql(`${found ? "ALTER" : "CREATE"} ROLE ${role} PASSWORD ${escapeLiteral(password)}`);
    this.passwords.set(spec.name, wanted);
  }

  private async makeDatabase({ name, owner }: Spec): Promise<void> {
    const [found] = await this.postgres.sql("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
    if (found) return;
    await this.postgres.sql(`CREATE DATABASE ${escapeIdentifier(name)} OWNER ${escapeIdentifier(owner)}`);
  }

  private async report(object: KubernetesObject, status: Props): Promise<void> {
    const said = JSON.stringify((object.status as Props | undefined) ?? {});
    if (Object.entries(status).every(([key, value]) => said.includes(`"${key}":${JSON.stringify(value)}`)))
      return;
    const { client, kinds } = this.objects;
    const path = `${await kinds.path(object, object.metadata.name)}/status`;
    const query = { fieldManager: "manager", force: true };
    const body = {
      apiVersion: object.apiVersion,
      kind: object.kind,
      metadata: { namespace: object.metadata.namespace, name: object.metadata.name },
      status,
    };
    const contentType = "application/apply-patch+yaml";
    await client.request({ method: "PATCH", path, query, contentType, body }).catch(() => undefined);
  }
}
