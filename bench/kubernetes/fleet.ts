/** Tenants' apps on a test cluster whose nodes are played, without their databases: what the cluster's objects cost. */
import { randomBytes } from "node:crypto";
import * as path from "node:path";
import { writeFile } from "node:fs/promises";
import * as pulumi from "@pulumi/pulumi";
import { instancesOf } from "../../plan/instances";
import { KubernetesPlatform } from "../../platforms/kubernetes";
import type { Props } from "../../providers/kit/types";
import { createProject, standIn, type TestProject } from "../../test/plugins/support/engine";
import type { TestCluster } from "../../test/support/kubernetes";
import { planOf } from "../../test/unit/support/plans";
import { PROJECT_DIR } from "../../toolchain/locations";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";

const SECRET = randomBytes(32).toString("hex");

/** Dedicated apps by key, in a stack of this name; nothing else of a fleet. */
export interface Tenant {
  readonly stack: string;
  readonly apps: Readonly<Record<string, Props>>;
}

/** One Pulumi stack on the cluster. Change `tenant.apps`, then `project.up()`. */
export interface ClusterStack {
  readonly project: TestProject;
  tenant: Tenant;
}

/**
 * @param environment further variables of the engine
 */
export async function createStack(
  cluster: TestCluster,
  tenant: Tenant,
  environment: Readonly<Record<string, string>> = {},
): Promise<ClusterStack> {
  const made: Partial<ClusterStack> & { tenant: Tenant } = { tenant };
  const program = () => {
    createApps(made.tenant);
    return Promise.resolve({});
  };
  const project = await createProject({
    program,
    plugins: [standIn("kubernetes")],
    providers: { "nocobase-kubernetes": path.join(PROJECT_DIR, "providers/kubernetes") },
  });
  const kubeconfig = path.join(project.folder, "kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfig(), { mode: 0o600 });
  project.change({ env: { KUBECONFIG: kubeconfig, ...environment } });
  return Object.assign(made, { project });
}

/** Every object of each app, as the kubernetes platform makes it. */
function createApps({ stack, apps }: Tenant): void {
  const plan = planOf(
    {
      platform: "kubernetes",
      deletion: "delete",
      kubernetes: { image: "registry.example/nocobase:{version}" },
      gateway: { domain: "bench.example" },
      databaseServers: { main: { kind: "external", host: "db.example.com" } },
      databaseServerPasswords: { main: { secure: "v1:x" } },
      apps,
    },
    stack,
  );
  const { kubernetes: cluster } = plan;
  if (!cluster) throw new Error("the plan names no cluster");
  const servers = { main: { host: "db.example.com", port: 5432 } };
  const platform = new KubernetesPlatform({
    stack,
    cluster,
    instances: instancesOf(plan),
    servers,
    registryPasswords: {},
  });
  const secret = pulumi.secret(SECRET);
  for (const [key, { instance, deletion, name }] of Object.entries(plan.apps)) {
    if (!instance) continue;
    const database = {
      host: pulumi.output("db.example.com"),
      port: pulumi.output(5432),
      name: pulumi.output(instance.database.name),
      user: pulumi.output(instance.database.role),
      password: secret,
      sslMode: "require",
    };
    const files = platform.files(
      `${key}-files`,
      {
        ...{ key: name, name: instance.name, instance: instance.name, appName: "main" },
        ...{ release: instance.release, aesKey: secret, deletion, database },
      },
      {},
    );
    const secretEnv = { APP_KEY: secret, INIT_ROOT_PASSWORD: secret };
    const request = { plan: instance, database, secretEnv, rootPassword: secret };
    platform.instance(`${key}-instance`, request, { dependsOn: [files] });
  }
  const routes = plan.gateway.routes.filter(({ kind }) => kind === "app");
  platform.tenantRoutes(
    "routes",
    { stack, gateway: { ...plan.gateway, url: plan.gateway.url }, routes, targets: {} } as never,
    {},
  );
}

/** What the state says that the program asked for: every object of the stack, in the clear. */
export async function objectsOf({ project }: ClusterStack): Promise<KubernetesObject[]> {
  const resources = await project.resources(true);
  return resources
    .filter(({ type }) => type.startsWith("kubernetes:"))
    .map(({ inputs }) => inTheClear(inputs) as KubernetesObject);
}

function inTheClear(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inTheClear);
  if (typeof value !== "object" || value === null) return value;
  if ("plaintext" in value) return JSON.parse(String(value.plaintext)) as unknown;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inTheClear(inner)]));
}
