/** The kubernetes stand-in under the real engine, against a real API server. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import * as kubernetes from "@pulumi/kubernetes";
import type { Props } from "../../providers/kit/types";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import type { TestCluster } from "../support/kubernetes";
import { briefToken } from "../support/kubernetes-extras";
import { createProject, standIn, type Step, type TestProject } from "./support/engine";
import { NAMESPACE, SECRET, shop, startCluster, type Edits } from "./support/kubernetes-stack";

const DEPLOYMENT = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { namespace: NAMESPACE, name: "app" },
};

describe("kubernetes stand-in", function () {
  this.timeout(360_000);
  let cluster: TestCluster;
  let project: TestProject;
  let edits: Edits = {};
  let options: kubernetes.ProviderArgs = {};
  let kubeconfig: string;
  const undone: (() => Promise<void>)[] = [];

  before(async function () {
    cluster = await startCluster(this);
    undone.push(() => cluster.stop());
    kubeconfig = cluster.kubeconfig();
    const program = () => {
      const { namespace } = shop(kubeconfig, edits, options);
      return Promise.resolve({ id: namespace.id });
    };
    project = await createProject({ program, plugins: [standIn("kubernetes")] });
    undone.push(() => project.dispose());
  });
  after(async () => {
    for (const undo of undone.reverse()) await undo();
  });
  afterEach(() => {
    edits = {};
    options = {};
  });

  const restore = async () => {
    [edits, options] = [{}, {}];
    await project.up();
  };
  const ops = (steps: readonly Step[]) => steps.map(({ op, name }) => `${op} ${name}`).sort();
  const live = async (): Promise<KubernetesObject> => {
    const found = await cluster.objects().find(DEPLOYMENT);
    assert.ok(found, "there is no Deployment");
    return found;
  };
  const container = ({ spec }: KubernetesObject): Props =>
    (spec as { template: { spec: { containers: Props[] } } }).template.spec.containers[0]!;

  it("shows in a preview what it then makes", async () => {
    const names = ["namespace", "secret", "app", "service", "quota", "policy"].map(
      (name) => `create ${name}`,
    );
    assert.deepEqual(ops((await project.preview()).steps), names.sort());
    assert.equal(
      await cluster
        .objects()
        .find({ ...DEPLOYMENT, apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } }),
      undefined,
    );
    const made = await project.up();
    assert.deepEqual(ops(made.steps), names);
    assert.equal(made.outputs.id?.value, NAMESPACE);
    assert.equal((await project.resource("app")).id, `${NAMESPACE}/app`);
    const { status } = (await live()) as KubernetesObject & { status: Props };
    assert.equal(status.availableReplicas, 2);
  });

  it("changes nothing when nothing changed, after a refresh neither", async () => {
    const { metadata } = await live();
    assert.deepEqual((await project.up()).steps, []);
    assert.deepEqual((await project.refresh()).steps, []);
    assert.deepEqual((await project.preview()).steps, []);
    assert.deepEqual((await project.up()).steps, []);
    assert.equal((await live()).metadata.resourceVersion, metadata.resourceVersion);
  });

  it("takes amounts that mean the same for the same", async () => {
    edits = { cpu: "100m" };
    assert.deepEqual((await project.preview()).steps, []);
  });

  it("keeps secrets out of the state's text, in whatever form", async () => {
    const text = await project.stateText();
    assert.ok(text.includes("pod-security.kubernetes.io/enforce"), "this is not the state");
    for (const form of [
      SECRET,
      Buffer.from(SECRET).toString("base64"),
      "client-key-data",
      "certificate-authority",
    ]) {
      assert.ok(!text.includes(form), `${form} stands in the state in the clear`);
    }
  });

  it("updates in place, by server-side apply, and waits for the rollout", async () => {
    edits = { image: "registry.example/app:2", replicas: 3 };
    const preview = await project.preview();
    assert.deepEqual(ops(preview.steps), ["update app"]);
    assert.deepEqual(Object.keys(preview.steps[0]!.diff).sort(), [
      "spec.replicas",
      "spec.template.spec.containers[0].image",
    ]);
    assert.deepEqual(ops((await project.up()).steps), ["update app"]);
    const found = await live();
    assert.equal(container(found).image, "registry.example/app:2");
    assert.equal((found.status as Props).updatedReplicas, 3);
    const managers = (found.metadata.managedFields as Props[]).filter(({ subresource }) => !subresource);
    assert.ok(
      managers.some(
        ({ manager, operation }) => /^pulumi-kubernetes-/.test(String(manager)) && operation === "Apply",
      ),
    );
    assert.ok(
      !managers.some(({ manager }) => manager === "pulumi-kubernetes"),
      "the creator still owns fields",
    );
    assert.deepEqual((await project.refresh()).steps, []);
    assert.deepEqual((await project.preview()).steps, []);
    await restore();
  });

  it("hands a Secret's new value over in place", async () => {
    edits = { password: "another" };
    assert.deepEqual(ops((await project.up()).steps), ["update secret"]);
    const secret = await cluster.objects().find({ ...DEPLOYMENT, apiVersion: "v1", kind: "Secret" });
    assert.equal((secret!.data as Props).password, Buffer.from("another").toString("base64"));
    await restore();
  });

  it("replaces what can't be changed in place", async () => {
    const before = await live();
    edits = { selector: { app: "other" } };
    const preview = await project.preview();
    const replaced = preview.steps.find(({ name, op }) => name === "app" && op === "replace");
    assert.equal(replaced?.diff["spec.selector.matchLabels.app"], "update-replace");
    const done = ops((await project.up()).steps).filter((step) => !step.startsWith("replace "));
    assert.deepEqual(done, ["create-replacement app", "delete-replaced app", "update service"]);
    assert.notEqual((await live()).metadata.uid, before.metadata.uid);
    await restore();
  });

  it("sees by refresh what others changed, and puts it right", async () => {
    const objects = cluster.objects();
    const drifted = { ...DEPLOYMENT, spec: { replicas: 5 } };
    await objects.apply(drifted, { fieldManager: "kubectl", force: true });
    assert.deepEqual(ops((await project.refresh()).steps), ["update app"]);
    assert.deepEqual(ops((await project.preview()).steps), ["update app"]);
    await project.up();
    assert.equal(((await live()).spec as Props).replicas, 2);

    await objects.delete({
      ...DEPLOYMENT,
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { namespace: NAMESPACE, name: "deny" },
    });
    assert.deepEqual(ops((await project.refresh()).steps), ["delete policy"]);
    assert.deepEqual(ops((await project.up()).steps), ["create policy"]);
  });

  it("leaves fields of other managers alone, and says whose they are", async () => {
    const drifted = { ...DEPLOYMENT, spec: { replicas: 4 } };
    await cluster.objects().apply(drifted, { fieldManager: "autoscaler", force: true });
    edits = { replicas: 3 };
    const conflict =
      /Deployment shop\/app: fields belong to another field manager: spec\.replicas \("autoscaler"/;
    await assert.rejects(project.preview(), conflict);
    await assert.rejects(project.up(), conflict);
    assert.equal(((await live()).spec as Props).replicas, 4);
    options = { enablePatchForce: true };
    await project.up();
    assert.equal(((await live()).spec as Props).replicas, 3);
    await restore();
  });

  it("says which pods violate the namespace's standard, and goes on from there", async () => {
    edits = { securityContext: { privileged: true } };
    await assert.rejects(
      project.up(),
      /Deployment shop\/app was updated, but is not ready: .*violates PodSecurity "restricted:latest": privileged/,
    );
    edits = {};
    assert.deepEqual(ops((await project.up()).steps), ["update app"]);
    assert.deepEqual((await project.up()).steps, []);
  });

  it("refuses a field that the API does not have", async () => {
    edits = { securityContext: { runAsRooot: false } };
    await assert.rejects(
      project.preview(),
      /Can't update Deployment shop\/app: .*runAsRooot: field not declared in schema/,
    );
  });

  it("does not take over a namespace that is not the stack's", async () => {
    const other = await createProject({
      program: () => {
        shop(cluster.kubeconfig());
        return Promise.resolve({});
      },
      plugins: [standIn("kubernetes")],
    });
    try {
      await assert.rejects(
        other.up(),
        /Can't create Namespace shop: .*already exists.* It is not this stack's/,
      );
    } finally {
      await other.dispose();
    }
  });

  it("outlasts an API server that is away for a while", async () => {
    await cluster.stopApiServer();
    edits = { replicas: 3 };
    const done = project.up();
    await cluster.startApiServer();
    assert.deepEqual(ops((await done).steps), ["update app"]);
    await restore();
  });

  it("outlasts an API server that hangs in the middle of an update", async () => {
    cluster.freeze("kube-apiserver");
    edits = { replicas: 3 };
    const done = project.up();
    // Long enough for the update to have come to its first request.
    await sleep(8_000);
    cluster.thaw("kube-apiserver");
    assert.deepEqual(ops((await done).steps), ["update app"]);
    await restore();
  });

  it("says what to do when credentials expire in the middle of an update, and goes on with new ones", async () => {
    const account = {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { namespace: "default", name: "brief" },
    };
    await cluster.objects().create(account);
    await cluster.objects().create({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "brief" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "ServiceAccount", ...account.metadata }],
    });
    cluster.freeze("kwok");
    let failure = "";
    // A busy machine may need longer to come to the Deployment.
    for (let seconds = 15; seconds <= 120 && !failure.includes("was updated"); seconds *= 2) {
      kubeconfig = cluster.kubeconfig(await briefToken(cluster, ["default", "brief"], seconds));
      edits = { image: "registry.example/app:2" };
      failure = await project.up().then(() => "it worked", String);
    }
    cluster.thaw("kwok");
    assert.match(
      failure,
      /Deployment shop\/app was updated, but is not ready: .*credentials \(401 .*expired.* renew the kubeconfig, then run the same command again/s,
    );
    kubeconfig = cluster.kubeconfig();
    await project.up();
    assert.equal(container(await live()).image, "registry.example/app:2");
    assert.equal(((await live()).status as Props).updatedReplicas, 2);
    await restore();
  });

  it("reads an object that is there into the state", async () => {
    const provider = (await project.resources()).find(({ type }) => type === "pulumi:providers:kubernetes")!;
    assert.ok(provider.id);
    const metadata = { namespace: NAMESPACE, name: "kube-root-ca.crt" };
    const importing = await createProject({
      program: () => {
        const own = { provider: new kubernetes.Provider("cluster", { kubeconfig: cluster.kubeconfig() }) };
        const id = `${metadata.namespace}/${metadata.name}`;
        const found = kubernetes.core.v1.ConfigMap.get("found", id, own);
        return Promise.resolve({ keys: found.data.apply((data) => Object.keys(data)) });
      },
      plugins: [standIn("kubernetes")],
    });
    try {
      assert.deepEqual((await importing.up()).outputs.keys?.value, ["ca.crt"]);
    } finally {
      await importing.dispose();
    }
  });

  it("names its wrongs: credentials, rights, kinds, kubeconfigs", async () => {
    const attempt = async (
      kubeconfig: string,
      more: kubernetes.ProviderArgs = {},
      kind = "v1:ConfigMap",
    ): Promise<string> => {
      const other = await createProject({
        program: () => {
          const own = { provider: new kubernetes.Provider("cluster", { kubeconfig, ...more }) };
          const [apiVersion = "", type = ""] = kind.split(":");
          const args = { apiVersion, kind: type, metadata: { name: "x", namespace: NAMESPACE } };
          new kubernetes.apiextensions.CustomResource("x", args, own);
          return Promise.resolve({});
        },
        plugins: [standIn("kubernetes")],
      });
      try {
        return await other.up().then(() => "it worked", String);
      } finally {
        await other.dispose();
      }
    };
    const objects = cluster.objects();
    const account = {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { namespace: NAMESPACE, name: "powerless" },
    };
    await objects.create(account);
    const token = await cluster.tokenOf(NAMESPACE, "powerless");
    assert.match(
      await attempt(cluster.kubeconfig(token)),
      /Can't create ConfigMap shop\/x: .*system:serviceaccount:shop:powerless" cannot create.* Give the deployer's role this right/,
    );
    await objects.delete(account);
    // The API server remembers for some seconds whom it let in.
    while (await cluster.isLetIn(token)) await sleep(200);
    assert.match(
      await attempt(cluster.kubeconfig(token)),
      /refuses the kubeconfig's credentials \(401 Unauthorized\)/,
    );
    assert.match(
      await attempt(cluster.kubeconfig(), {}, "shop.example/v1:Till"),
      /has no kind Till in shop\.example\/v1/,
    );
    assert.match(
      await attempt(cluster.kubeconfig(), { context: "other" }),
      /no context "other"; it has test/,
    );
    assert.match(await attempt("no: kubeconfig"), /kubeconfig has no context/);
  });

  it("takes everything away in the end, and waits until it is gone", async () => {
    await project.destroy();
    assert.equal(
      await cluster
        .objects()
        .find({ ...DEPLOYMENT, apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } }),
      undefined,
    );
  });
});
