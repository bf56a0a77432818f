/** Fleets on the kubernetes platform under the real engine: a real API server, fake nodes, a real PostgreSQL. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { checkKubernetes } from "../../cli/doctor/kubernetes";
import { createFleet } from "../../components/fleet";
import { createPlatform } from "../../platforms";
import { createOperations } from "../../platforms/operate";
import type { Props } from "../../providers/kit/types";
import { PROJECT_DIR } from "../../toolchain/locations";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import { HTTP_ROUTES, joinContext } from "../support/kubernetes-extras";
import { TestCluster } from "../support/kubernetes";
import { addDeployer, addStorage } from "../support/kubernetes-storage";
import { planOf } from "../unit/support/plans";
import { createProject, standIn, type Step, type TestProject } from "./support/engine";
import { startCluster } from "./support/kubernetes-stack";
import { ADMIN, ADMIN_PASSWORD, TestPostgres } from "./support/postgres";

const STACK = "shop";
const REGISTRY_PASSWORD = "password-of-a-registry";

interface Values {
  kubernetes: Record<string, unknown>;
  apps: Record<string, Record<string, unknown>>;
  [key: string]: unknown;
}

describe("platform kubernetes", function () {
  this.timeout(360_000);
  let cluster: TestCluster;
  let postgres: TestPostgres;
  let project: TestProject;
  let values: Values;
  const undone: (() => Promise<void>)[] = [];

  before(async function () {
    cluster = await startCluster(this);
    undone.push(() => cluster.stop());
    await addStorage(cluster, 8);
    postgres = await TestPostgres.start();
    undone.push(() => postgres.stop());
    values = {
      platform: "kubernetes",
      // No NocoBase runs in the played pods.
      supervisor: "none",
      deletion: "delete",
      kubernetes: {
        image: "registry.example/nocobase:{version}",
        ingress: { class: "nginx" },
      },
      registries: { main: { address: "registry.example", username: "robot" } },
      registryPasswords: { main: { secure: "v1:x" } },
      gateway: { domain: "shop.example" },
      databaseServers: {
        main: {
          kind: "external",
          host: "127.0.0.1",
          port: postgres.port,
          adminUser: ADMIN,
          sslMode: "disable",
        },
      },
      databaseServerPasswords: { main: { secure: "v1:x" } },
      apps: {
        erp: {
          isolation: "dedicated",
          replicas: 2,
          kubernetes: { storage: { accessMode: "ReadWriteMany" } },
        },
        crm: { isolation: "dedicated" },
        hub: { isolation: "dedicated" },
      },
    };
    const program = () => {
      const plan = planOf(values, STACK);
      const secrets = {
        databaseServerPasswords: { main: pulumi.secret(ADMIN_PASSWORD) },
        secretEnv: {},
      };
      const registryPasswords = { main: pulumi.secret(REGISTRY_PASSWORD) };
      const platform = createPlatform(plan, project.folder, { registryPasswords });
      const { url, apps } = createFleet(plan, platform, secrets);
      return Promise.resolve({ url, erp: apps.erp?.instanceUrl });
    };
    const plugins = (["random", "postgresql", "kubernetes"] as const).map(standIn);
    const providers = { "nocobase-kubernetes": join(PROJECT_DIR, "providers/kubernetes") };
    project = await createProject({ program, plugins, providers });
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
  });
  after(async () => {
    for (const undo of undone.reverse()) await undo();
  });

  const ops = (steps: readonly Step[]) => steps.map(({ op, name }) => `${op} ${name}`).sort();
  const find = async (kind: string, instance: string, name = "app", apiVersion = "apps/v1") => {
    const metadata = { namespace: `${STACK}-${instance}`, name };
    return await cluster.objects().find({ apiVersion, kind, metadata });
  };
  /** Version of every object of an instance, by kind and name. */
  const versions = async (instance: string): Promise<Record<string, unknown>> => {
    const found: [string, unknown][] = [];
    for (const [apiVersion, kind] of [
      ["apps/v1", "Deployment"],
      ["v1", "Service"],
      ["v1", "Secret"],
      ["v1", "ResourceQuota"],
      ["networking.k8s.io/v1", "Ingress"],
      ["networking.k8s.io/v1", "NetworkPolicy"],
    ] as const) {
      const metadata = { namespace: `${STACK}-${instance}` };
      for (const object of await cluster.objects().list({ apiVersion, kind, metadata })) {
        found.push([`${kind} ${object.metadata.name!}`, object.metadata.resourceVersion]);
      }
    }
    assert.ok(found.length > 5, `${instance} has ${found.length} objects`);
    return Object.fromEntries(found);
  };
  const spec = (object: KubernetesObject | undefined) => (object as unknown as { spec: Props }).spec;

  it("makes each instance in a namespace of its own, as somebody with the deployer's rights", async () => {
    const { outputs } = await project.up();
    assert.equal(outputs.url?.value, "http://shop.example");
    assert.equal(outputs.erp?.value, "http://app.shop-app-erp.svc");
    for (const instance of ["entry", "app-hub", "app-erp", "app-crm"]) {
      const deployment = await find("Deployment", instance);
      assert.equal((deployment?.status as Props).availableReplicas, instance === "app-erp" ? 2 : 1, instance);
      const metadata = { name: `${STACK}-${instance}` };
      const namespace = await cluster.objects().find({ apiVersion: "v1", kind: "Namespace", metadata });
      const labels = namespace?.metadata.labels as Record<string, string>;
      assert.equal(labels["pod-security.kubernetes.io/enforce"], "restricted");
      assert.equal(labels["nocobase-fleet/stack"], STACK);
    }
    const secret = await find("Secret", "app-crm", "variables", "v1");
    const variables = Object.keys(secret!.data as Props);
    for (const name of ["APP_KEY", "APP_AES_SECRET_KEY", "DB_PASSWORD", "INIT_ROOT_PASSWORD"]) {
      assert.ok(variables.includes(name), name);
    }
  });

  it("changes nothing when nothing changed, after a refresh neither", async () => {
    const before = await versions("app-erp");
    assert.deepEqual((await project.preview()).steps, []);
    assert.deepEqual((await project.refresh()).steps, []);
    assert.deepEqual((await project.up()).steps, []);
    assert.deepEqual(await versions("app-erp"), before);
  });

  it("keeps secrets out of the state's text and out of everything but Secrets", async () => {
    const secret = await find("Secret", "app-crm", "variables", "v1");
    const { APP_KEY = "", DB_PASSWORD = "" } = secret!.data as Record<string, string>;
    const text = await project.stateText();
    const deployment = JSON.stringify(await find("Deployment", "app-crm"));
    const pull = await find("Secret", "app-crm", "registries", "v1");
    assert.equal(pull?.type, "kubernetes.io/dockerconfigjson");
    const { ".dockerconfigjson": registries = "" } = pull.data as Record<string, string>;
    assert.ok(Buffer.from(registries, "base64").toString("utf8").includes(REGISTRY_PASSWORD));
    assert.ok(!text.includes(REGISTRY_PASSWORD));
    for (const encoded of [APP_KEY, DB_PASSWORD, registries]) {
      for (const form of [encoded, Buffer.from(encoded, "base64").toString("utf8")]) {
        assert.ok(form !== "" && !text.includes(form), "a secret stands in the state in the clear");
        assert.ok(!deployment.includes(form), "a secret stands in a Deployment");
      }
    }
  });

  it("scales one app and touches no other", async () => {
    const [hub, crm] = [await versions("app-hub"), await versions("app-crm")];
    values.apps.erp!.replicas = 3;
    assert.deepEqual(ops((await project.up()).steps), ["update erp-instance", "update erp-instance-quota"]);
    assert.equal(((await find("Deployment", "app-erp"))!.status as Props).readyReplicas, 3);
    assert.deepEqual(await versions("app-hub"), hub);
    assert.deepEqual(await versions("app-crm"), crm);
  });

  it("is examined by the doctor, who names what rights are missing", async () => {
    const plan = planOf(values, STACK);
    const results = async () => (await checkKubernetes(plan)).map(({ result }) => result);
    assert.deepEqual(await results(), ["ok", "ok"]);
    const { KUBECONFIG } = process.env;
    const weak = join(project.folder, "weak");
    await writeFile(weak, cluster.kubeconfig(await cluster.tokenOf("default", "default")), { mode: 0o600 });
    try {
      process.env.KUBECONFIG = weak;
      const [, rights] = await checkKubernetes(plan);
      assert.equal(rights?.result, "fail");
      assert.match(rights.found, /^missing: get namespaces, .*create deployments\.apps/);
      process.env.KUBECONFIG = join(project.folder, "none");
      assert.deepEqual(await results(), ["fail"]);
    } finally {
      process.env.KUBECONFIG = KUBECONFIG;
    }
  });

  it("stops an app past the stack file, and starts it again", async () => {
    const operations = createOperations(planOf(values, STACK), project.folder);
    const stateOf = async (name: string) => (await operations.parts()).find((part) => part.name === name);
    const said: string[] = [];
    await operations.stop(["app-crm"], (line) => said.push(line));
    assert.equal((await stateOf("app-crm"))?.state, "held");
    assert.deepEqual(await operations.drift?.([]), { lost: [], stopped: ["app-crm"] });
    assert.equal((await stateOf("app-hub"))?.state, "running");
    await operations.start([], (line) => said.push(line));
    assert.deepEqual(said, ["stopping app-crm", "starting app-crm: 1 pod"]);
    assert.deepEqual((await stateOf("app-crm"))?.replicas, { ready: 1, wanted: 1 });
    assert.deepEqual((await project.up()).steps, []);
  });

  it("routes through a Gateway instead of an ingress controller", async () => {
    await cluster.objects().create(HTTP_ROUTES);
    const { ingress } = values.kubernetes;
    Object.assign(values.kubernetes, {
      ingress: undefined,
      gatewayApi: { name: "public", namespace: "gateways", https: false },
    });
    const routes = ops((await project.up()).steps).filter((step) => step.endsWith("gateway-server-crm"));
    assert.deepEqual(routes, ["create gateway-server-crm", "delete gateway-server-crm"]);
    const route = await find("HTTPRoute", "app-crm", "app", "gateway.networking.k8s.io/v1");
    assert.deepEqual(spec(route).hostnames, ["crm.shop.example"]);
    assert.equal(await find("Ingress", "app-crm", "app", "networking.k8s.io/v1"), undefined);
    assert.deepEqual((await project.up()).steps, []);
    values.kubernetes = { ...values.kubernetes, ingress, gatewayApi: undefined };
    await project.up();
  });

  it("spans clusters", async () => {
    const other = await TestCluster.start({ nodes: 1 });
    try {
      await addStorage(other, 1);
      await joinContext(process.env.KUBECONFIG!, await addDeployer(other));
      values.apps.far = { isolation: "dedicated", kubernetes: { context: "other" } };
      await project.up();
      const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop-app-far" } };
      assert.ok(await other.objects().find(namespace));
      assert.equal(await cluster.objects().find(namespace), undefined);
      assert.deepEqual((await project.up()).steps, []);
      delete values.apps.far;
      await project.up();
      assert.equal(await other.objects().find(namespace), undefined);
    } finally {
      await other.stop();
    }
  });

  it("leaves the number of replicas to an autoscaler", async () => {
    values.apps.erp!.replicas = { min: 2, max: 4 };
    await project.up();
    assert.equal(
      spec(await find("Deployment", "app-erp")).replicas,
      3,
      "until the autoscaler says otherwise",
    );
    const scaler = await find("HorizontalPodAutoscaler", "app-erp", "app", "autoscaling/v2");
    assert.equal(spec(scaler).maxReplicas, 4);
    // As the autoscaler does it: over the subresource, under its own name.
    const path = "/apis/apps/v1/namespaces/shop-app-erp/deployments/app/scale";
    const query = { fieldManager: "kube-controller-manager" };
    const { client } = cluster.objects();
    const scale = await client.request({ method: "GET", path });
    await client.request({ method: "PUT", path, query, body: { ...scale, spec: { replicas: 4 } } });
    values.apps.erp!.title = "ERP";
    await project.up();
    assert.deepEqual((await project.refresh()).steps, []);
    assert.deepEqual((await project.up()).steps, []);
    assert.equal(spec(await find("Deployment", "app-erp")).replicas, 4);
    values.apps.erp!.resources = { memory: "1200Mi" };
    assert.deepEqual(ops((await project.up()).steps), [
      "update erp-instance",
      "update erp-instance-limits",
      "update erp-instance-quota",
    ]);
    assert.equal(spec(await find("Deployment", "app-erp")).replicas, 4);
    values.apps.erp!.replicas = 2;
    await project.up();
    assert.equal(spec(await find("Deployment", "app-erp")).replicas, 2);
    assert.equal(await find("HorizontalPodAutoscaler", "app-erp", "app", "autoscaling/v2"), undefined);
  });

  it("gives pods a priority class", async () => {
    await cluster.objects().create({
      ...{ apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass" },
      ...{ metadata: { name: "business-critical" }, value: 1000 },
    });
    values.apps.hub!.kubernetes = { priorityClass: "business-critical" };
    assert.deepEqual(ops((await project.up()).steps), ["update hub-instance"]);
    const metadata = { namespace: `${STACK}-app-hub` };
    const pods = await cluster.objects().list({ apiVersion: "v1", kind: "Pod", metadata });
    assert.deepEqual(
      pods.filter((pod) => pod.metadata.deletionTimestamp === undefined).map((pod) => spec(pod).priority),
      [1000],
    );
  });

  it("stops an app to no replicas, its data kept", async () => {
    const claim = await find("PersistentVolumeClaim", "app-crm", "files", "v1");
    values.apps.crm!.state = "stopped";
    assert.deepEqual(ops((await project.up()).steps), ["update crm-instance"]);
    assert.equal(spec(await find("Deployment", "app-crm")).replicas, 0);
    const kept = await find("PersistentVolumeClaim", "app-crm", "files", "v1");
    assert.equal(kept?.metadata.uid, claim?.metadata.uid);
    values.apps.crm!.state = "running";
    await project.up();
  });

  it("takes the old release's pods down before the new one's come", async () => {
    const before = await find("Deployment", "app-crm");
    values.apps.crm!.release = { version: "2.3.0" };
    const done = ops((await project.up()).steps).filter((step) => !step.startsWith("replace "));
    assert.deepEqual(done, ["create-replacement crm-instance", "delete-replaced crm-instance"]);
    const after = await find("Deployment", "app-crm");
    assert.notEqual(after?.metadata.uid, before?.metadata.uid);
  });

  it("removes an app with all that is its", async () => {
    delete values.apps.crm;
    await project.up();
    const metadata = { name: "shop-app-crm" };
    assert.equal(await cluster.objects().find({ apiVersion: "v1", kind: "Namespace", metadata }), undefined);
    assert.deepEqual((await project.up()).steps, []);
  });

  it("refuses to remove an app that is protected", async () => {
    values.apps.erp!.deletion = "protect";
    await project.up();
    const { erp } = values.apps;
    delete values.apps.erp;
    await assert.rejects(project.preview(), /erp-files.*protect/s);
    values.apps.erp = { ...erp, deletion: "delete" };
    await project.up();
  });

  it("takes everything away in the end", async () => {
    await project.destroy();
    const namespaces = await cluster.objects().list({ apiVersion: "v1", kind: "Namespace", metadata: {} });
    assert.deepEqual(
      namespaces.filter(({ metadata: { name } }) => name!.startsWith(STACK)),
      [],
    );
  });
});
