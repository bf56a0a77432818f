/**
 * A fleet in a cluster whose pods are played: what comes through the API server to an instance ends at a real NocoBase
 * on this machine, as do the programs that are run in its pod.
 */
import { mkdtempSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Context } from "mocha";
import * as pulumi from "@pulumi/pulumi";
import { createFleet } from "../../../components/fleet";
import { namespaceName } from "../../../plan/names";
import type { FleetPlan } from "../../../plan/types";
import { createPlatform } from "../../../platforms";
import { findDumpTools } from "../../../providers/local/postgres/binaries";
import { PROJECT_DIR } from "../../../toolchain/locations";
import type { TestCluster } from "../../support/kubernetes";
import { addDeployer, addStorage } from "../../support/kubernetes-storage";
import { freePort } from "../../support/ports";
import { planOf } from "../../unit/support/plans";
import { createProject, standIn, type TestProject } from "./engine";
import { PodProcess } from "./kubernetes-pod";
import { startCluster } from "./kubernetes-stack";
import { ADMIN, ADMIN_PASSWORD, TestPostgres } from "./postgres";

export const plugins = (["random", "postgresql", "kubernetes"] as const).map(standIn);
export const providers = {
  nocobase: join(PROJECT_DIR, "providers/nocobase"),
  "nocobase-kubernetes": join(PROJECT_DIR, "providers/kubernetes"),
};

/** A stack file's values; edit them, then `project.up()`. */
export interface Values {
  apps: Record<string, Record<string, unknown>>;
  [key: string]: unknown;
}

export class KubernetesFleet {
  private constructor(
    readonly stack: string,
    readonly values: Values,
    readonly cluster: TestCluster,
    readonly postgres: TestPostgres,
    readonly project: TestProject,
    /** By the instance's name. */
    readonly pods: Readonly<Record<string, PodProcess>>,
    private readonly undo: () => Promise<void>,
  ) {}

  /**
   * Starts cluster and PostgreSQL, and makes a project whose deployer has no more than the documented rights.
   *
   * @param instances names of those whose NocoBase really runs: start it with {@link PodProcess.run}, beside the first `up`
   * @param own what the stack file says besides cluster and server
   */
  static async start(
    context: Context,
    stack: string,
    instances: readonly string[],
    own: Values,
  ): Promise<KubernetesFleet> {
    const undone: (() => Promise<void>)[] = [];
    const undo = async () => {
      for (const each of undone.reverse()) await each();
    };
    try {
      const folder = mkdtempSync(join(tmpdir(), "fleet-pods-"));
      undone.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
      const postgres = await TestPostgres.start();
      undone.push(() => postgres.stop());
      const ports: Record<string, number> = {};
      for (const name of instances) ports[namespaceName(stack, name)] = await freePort();
      const PATH = [dirname(findDumpTools()?.pgDump ?? ""), process.env.PATH].join(":");
      const [first = ""] = instances;
      const variables = { STORAGE_PATH: join(folder, first, "storage"), PATH };
      const cluster = await startCluster(context, { inside: { port: ports, variables } });
      undone.push(() => cluster.stop());
      await addStorage(cluster, 4);
      const pods: Record<string, PodProcess> = {};
      for (const name of instances) {
        const namespace = namespaceName(stack, name);
        const pod = new PodProcess(cluster, namespace, ports[namespace]!, join(folder, name));
        undone.push(() => pod.stop());
        pods[name] = pod;
      }
      const values: Values = {
        platform: "kubernetes",
        deletion: "delete",
        kubernetes: { image: "registry.example/nocobase:{version}" },
        gateway: { domain: `${stack}.example` },
        databaseServers: {
          main: {
            ...{ kind: "external", host: "127.0.0.1", port: postgres.port, adminUser: ADMIN },
            sslMode: "disable",
          },
        },
        databaseServerPasswords: { main: { secure: "v1:x" } },
        ...own,
      };
      const program = () => {
        const plan = planOf(values, stack);
        const secrets = {
          databaseServerPasswords: { main: pulumi.secret(ADMIN_PASSWORD) },
          secretEnv: {},
        };
        const platform = createPlatform(plan, project.folder, { registryPasswords: {} });
        return Promise.resolve({ ...createFleet(plan, platform, secrets) });
      };
      const project = await createProject({ program, plugins, providers });
      undone.push(() => project.dispose());
      const kubeconfig = join(project.folder, "kubeconfig");
      await writeFile(kubeconfig, await addDeployer(cluster), { mode: 0o600 });
      const { KUBECONFIG } = process.env;
      process.env.KUBECONFIG = kubeconfig;
      undone.push(() => {
        if (KUBECONFIG === undefined) delete process.env.KUBECONFIG;
        else process.env.KUBECONFIG = KUBECONFIG;
        return Promise.resolve();
      });
      return new KubernetesFleet(stack, values, cluster, postgres, project, pods, undo);
    } catch (error) {
      await undo();
      throw error;
    }
  }

  get plan(): FleetPlan {
    return planOf(this.values, this.stack);
  }

  /** The first `up`, while the pods start. @throws Error with the ends of their logs */
  async bringUp(): ReturnType<TestProject["up"]> {
    const pods = Object.entries(this.pods);
    try {
      const [done] = await Promise.all([this.project.up(), ...pods.map(([, pod]) => pod.run())]);
      return done;
    } catch (error) {
      const logs = await Promise.all(
        pods.map(async ([name, pod]) => `${name}: ${(await pod.log()).slice(-2000)}`),
      );
      throw new Error([String(error), ...logs].join("\n"), { cause: error });
    }
  }

  async stop(): Promise<void> {
    await this.undo();
  }
}
