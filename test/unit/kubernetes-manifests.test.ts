/** What a fleet is made of in a cluster: pure functions of the plan. */
import assert from "node:assert/strict";
import type * as pulumi from "@pulumi/pulumi";
import { instancesOf } from "../../plan/instances";
import { namespaceName } from "../../plan/names";
import type { InstancePlan } from "../../plan/types";
import { plainVariables } from "../../platforms/kubernetes/environment";
import { autoscaler, disruptionBudget } from "../../platforms/kubernetes/manifests/availability";
import { deployment, isAutoscaled } from "../../platforms/kubernetes/manifests/deployment";
import {
  limitRange,
  namespace,
  resourceQuota,
  serviceAccount,
} from "../../platforms/kubernetes/manifests/namespace";
import { networkPolicies } from "../../platforms/kubernetes/manifests/network-policies";
import type { InstanceFacts, Manifest } from "../../platforms/kubernetes/manifests/object";
import { filesClaim, variablesSecret } from "../../platforms/kubernetes/manifests/storage";
import { pullSecret } from "../../platforms/kubernetes/manifests/registries";
import { ingress, service, serviceUrl, trafficRoute } from "../../platforms/kubernetes/manifests/traffic";
import type { Props } from "../../providers/kit/types";
import { planOf } from "./support/plans";

const SHARED = { storage: { accessMode: "ReadWriteMany" } };

function factsOf(instance: string, more: Props = {}, app: Props = {}, top: Props = {}): InstanceFacts {
  const plan = planOf(
    {
      platform: "kubernetes",
      kubernetes: { image: "registry.example/nocobase:{version}", ...more },
      databaseServers: { main: { kind: "external", host: "db.example.com" } },
      databaseServerPasswords: { main: { secure: "v1:x" } },
      environments: { blue: {} },
      apps: { erp: { isolation: "dedicated", ...app } },
      ...top,
    },
    "shop",
  );
  const found = instancesOf(plan).find(({ name }) => name === instance) as InstancePlan;
  const { kubernetes: cluster } = plan;
  assert.ok(cluster && found.placement);
  return {
    stack: "shop",
    namespace: namespaceName("shop", instance),
    plan: found,
    placement: found.placement,
    cluster,
  };
}

function manifestsOf(facts: InstanceFacts): Manifest[] {
  const variables = plainVariables(facts.plan, serviceUrl(facts), "require");
  return [
    namespace(facts),
    resourceQuota(facts),
    limitRange(facts),
    serviceAccount(facts),
    filesClaim(facts),
    variablesSecret(facts, {}),
    ...networkPolicies(facts, [{ host: "db.example.com", port: 5432 }]),
    deployment(facts, { variables, secretsMark: "0" }),
    service(facts),
    ingress(facts, { hosts: ["erp.shop.example"], uploadLimitMiB: 100 }),
    disruptionBudget(facts) ?? [],
    autoscaler(facts) ?? [],
  ].flat();
}

interface PodTemplate {
  metadata: { labels: Record<string, string> };
  spec: {
    containers: [Props & { resources: { requests: { cpu: string; memory: string }; limits: Props } }];
  } & Props;
}

const templateOf = (facts: InstanceFacts): PodTemplate => {
  const variables = plainVariables(facts.plan, serviceUrl(facts), "disable");
  const made = deployment(facts, { variables, secretsMark: "0" });
  return (made.spec as { template: PodTemplate }).template;
};
const specOf = (manifest: Manifest | undefined) => manifest?.spec as Props;

describe("manifests", () => {
  for (const instance of ["entry", "env-blue", "app-erp"]) {
    it(`of ${instance} are labelled, and in their namespace`, () => {
      const facts = factsOf(instance);
      for (const manifest of manifestsOf(facts)) {
        const { kind, metadata } = manifest;
        assert.equal(metadata.labels["nocobase-fleet/stack"], "shop", kind);
        assert.equal(kind === "Namespace" ? metadata.name : metadata.namespace, `shop-${instance}`, kind);
      }
    });
  }

  it("keep to the Pod Security standard restricted", () => {
    const { spec } = templateOf(factsOf("app-erp"));
    const { runAsNonRoot, runAsUser, seccompProfile } = spec.securityContext as Props;
    assert.deepEqual([runAsNonRoot, runAsUser, seccompProfile], [true, 1000, { type: "RuntimeDefault" }]);
    assert.deepEqual(spec.containers[0].securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    assert.equal(spec.automountServiceAccountToken, false);
  });

  it("let a control plane reach the apps it passes requests on to, and tell them their own address", () => {
    const named = (instance: string, supervisor: string) =>
      new Map(
        networkPolicies(factsOf(instance, {}, {}, { supervisor }), []).map((policy) => [
          policy.metadata.name,
          policy.spec as Props,
        ]),
      );
    const labels = (kind: string) => ({ "nocobase-fleet/stack": "shop", "nocobase-fleet/kind": kind });
    const peer = (kind: string) => ({
      namespaceSelector: { matchLabels: labels(kind) },
      podSelector: { matchLabels: { "app.kubernetes.io/name": "nocobase" } },
    });
    assert.deepEqual(named("entry", "open").get("to-apps")?.egress, [{ to: [peer("app")] }]);
    assert.deepEqual(named("app-erp", "open").get("from-entry")?.ingress, [
      { from: [peer("entry")], ports: [{ protocol: "TCP", port: "http" }] },
    ]);
    assert.equal(named("entry", "none").has("to-apps"), false);
    assert.equal(named("app-erp", "none").has("from-entry"), false);
    for (const instance of ["env-blue", "app-erp"]) {
      const env = templateOf(factsOf(instance)).spec.containers[0].env as Props[];
      const address = env.find(({ name }) => name === "FLEET_SUPERVISOR_URL");
      assert.equal(address?.value, `http://app.shop-${instance}.svc`);
    }
  });

  it("refuse all traffic but what is needed", () => {
    const named = (facts: InstanceFacts, host = "192.0.2.7") =>
      new Map(
        networkPolicies(facts, [{ host, port: 5432 }]).map((policy) => [
          policy.metadata.name,
          policy.spec as Props,
        ]),
      );
    const erp = named(factsOf("app-erp", {}, {}, { supervisor: "none" }));
    assert.deepEqual([...erp.keys()], ["deny-all", "from-ingress", "to-dns", "to-database"]);
    assert.deepEqual(erp.get("deny-all"), { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    assert.deepEqual(erp.get("to-database")?.egress, [
      { to: [{ ipBlock: { cidr: "192.0.2.7/32" } }], ports: [{ protocol: "TCP", port: 5432 }] },
    ]);
    assert.deepEqual(named(factsOf("app-erp"), "db.example.com").get("to-database")?.egress, [
      { ports: [{ protocol: "TCP", port: 5432 }] },
    ]);
    assert.ok(named(factsOf("entry")).has("to-environments"));
    assert.ok(named(factsOf("env-blue")).has("from-entry"));
    const mail = factsOf("app-erp", { egress: [{ cidr: "192.0.2.0/24", port: 587 }] });
    assert.deepEqual(named(mail).get("to-outside")?.egress, [
      { to: [{ ipBlock: { cidr: "192.0.2.0/24" } }], ports: [{ protocol: "TCP", port: 587 }] },
    ]);
  });

  it("say a number of replicas, and whether an autoscaler owns it", () => {
    const fixed = factsOf("app-erp", {}, { replicas: 3, kubernetes: SHARED });
    const inputs = { variables: {}, secretsMark: "0" };
    assert.equal(specOf(deployment(fixed, inputs)).replicas, 3);
    assert.equal(autoscaler(fixed), undefined);
    assert.deepEqual(specOf(disruptionBudget(fixed)).maxUnavailable, 1);
    const scaled = factsOf("app-erp", {}, { replicas: { min: 2, max: 5 }, kubernetes: SHARED });
    assert.equal(isAutoscaled(scaled), true);
    assert.equal(isAutoscaled(fixed), false);
    const { minReplicas, maxReplicas } = specOf(autoscaler(scaled));
    assert.deepEqual([minReplicas, maxReplicas], [2, 5]);
    assert.equal((specOf(resourceQuota(scaled)).hard as Props).pods, "6");
    const stopped = factsOf(
      "app-erp",
      {},
      { replicas: { min: 2, max: 5 }, state: "stopped", kubernetes: SHARED },
    );
    assert.equal(specOf(deployment(stopped, inputs)).replicas, 0);
    assert.equal(autoscaler(stopped), undefined);
    assert.equal(disruptionBudget(factsOf("app-erp")), undefined);
  });

  it("update without a break only where several nodes may write the files", () => {
    const strategy = (facts: InstanceFacts) =>
      (specOf(deployment(facts, { variables: {}, secretsMark: "0" })).strategy as Props).type;
    assert.equal(strategy(factsOf("app-erp")), "Recreate");
    assert.equal(strategy(factsOf("app-erp", {}, { kubernetes: SHARED })), "RollingUpdate");
    assert.equal(strategy(factsOf("env-blue")), "Recreate");
  });

  it("make another release another Deployment, which the Service serves all the same", () => {
    const selector = (facts: InstanceFacts) =>
      (
        specOf(deployment(facts, { variables: {}, secretsMark: "0" })).selector as {
          matchLabels: Record<string, string>;
        }
      ).matchLabels;
    const [now, then] = [factsOf("app-erp"), factsOf("app-erp", {}, { release: { version: "2.3.0" } })];
    assert.notDeepEqual(selector(now), selector(then));
    assert.deepEqual(specOf(service(now)), specOf(service(then)));
    for (const [key, value] of Object.entries(specOf(service(then)).selector as Record<string, string>)) {
      assert.equal(templateOf(then).metadata.labels[key], value);
    }
    assert.equal(templateOf(then).spec.containers[0].image, "registry.example/nocobase:2.3.0");
  });

  it("place pods where the stack file says", () => {
    const kubernetes = {
      nodeSelector: { pool: "crm" },
      tolerations: [{ key: "dedicated", value: "crm", effect: "NoSchedule" }, { key: "spot" }],
      priorityClass: "high",
      storage: { class: "fast", size: "20Gi" },
    };
    const facts = factsOf("app-erp", {}, { kubernetes });
    const { spec } = templateOf(facts);
    assert.deepEqual(spec.nodeSelector, { pool: "crm" });
    assert.deepEqual(spec.tolerations, [
      { key: "dedicated", operator: "Equal", value: "crm", effect: "NoSchedule" },
      { key: "spot", operator: "Exists" },
    ]);
    assert.equal(spec.priorityClassName, "high");
    assert.equal(specOf(filesClaim(facts)).storageClassName, "fast");
  });

  it("pull images of private registries with a Secret in their own namespace", async () => {
    const registries = { main: { address: "registry.example", username: "robot" } };
    const facts = factsOf("app-erp", {}, {}, { registries, registryPasswords: { main: { secure: "v1:x" } } });
    const made = pullSecret(facts, { main: "hunter2" });
    const { stringData } = made as unknown as { stringData: Record<string, pulumi.Output<string>> };
    const text = await new Promise<string>((resolve) => stringData[".dockerconfigjson"]!.apply(resolve));
    assert.deepEqual(JSON.parse(text), {
      auths: {
        "registry.example": { username: "robot", password: "hunter2", auth: "cm9ib3Q6aHVudGVyMg==" },
      },
    });
    const pod = templateOf(facts).spec;
    assert.deepEqual(pod.imagePullSecrets, [{ name: made!.metadata.name }]);
    assert.equal(pullSecret(factsOf("app-erp"), {}), undefined);
  });

  it("prefer nodes where the stack file says so", () => {
    const facts = factsOf("app-erp", {}, { kubernetes: { preferredNodes: { disk: "fast" } } });
    const { affinity } = templateOf(facts).spec;
    assert.match(
      JSON.stringify(affinity),
      /preferredDuring.*"key":"disk","operator":"In","values":\["fast"\]/,
    );
  });

  it("route by a Gateway where there is one, which alone reaches the pods", () => {
    const facts = factsOf("app-erp", { gatewayApi: { name: "public", namespace: "gateways" } });
    const route = trafficRoute(facts, { hosts: ["a.example", "b.example"], uploadLimitMiB: 10 });
    assert.equal(route.kind, "HTTPRoute");
    assert.deepEqual(specOf(route).hostnames, ["a.example", "b.example"]);
    assert.deepEqual(specOf(route).parentRefs, [{ name: "public", namespace: "gateways" }]);
    const policies = networkPolicies(facts, [{ host: "192.0.2.7", port: 5432 }]);
    const entrance = policies.find(({ metadata }) => metadata.name === "from-ingress");
    assert.match(JSON.stringify(entrance), /"kubernetes.io\/metadata.name":"gateways"/);
    const hosted = trafficRoute(facts, {
      hosts: ["a.example", "b.example"],
      uploadLimitMiB: 1,
      hostedApp: "a",
    });
    assert.match(JSON.stringify(hosted), /"urlRewrite":{"hostname":"a.example"}/);
  });

  it("ask for certificates where there is an issuer", () => {
    const made = ingress(factsOf("app-erp", { ingress: { class: "nginx", issuer: "letsencrypt" } }), {
      hosts: ["a.example"],
      uploadLimitMiB: 10,
    });
    assert.deepEqual(specOf(made).tls, [{ hosts: ["a.example"], secretName: "certificate" }]);
    assert.equal(made.metadata.annotations?.["cert-manager.io/cluster-issuer"], "letsencrypt");
    assert.equal(made.metadata.annotations["nginx.ingress.kubernetes.io/proxy-body-size"], "10m");
  });
});
