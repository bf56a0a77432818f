/** The kubernetes stand-in's pure parts: amounts, normal forms, differences, field managers. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { UNKNOWN, type Props } from "../../providers/kit/types";
import { sameValue } from "../../providers/kit/values";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import { checkConfig, diffConfig } from "../../toolchain/plugins/kubernetes/config";
import {
  checkpoint,
  idOf,
  parseCheckpoint,
  parseId,
} from "../../toolchain/plugins/kubernetes/object/checkpoint";
import { diffObject } from "../../toolchain/plugins/kubernetes/object/diff";
import { normalize } from "../../toolchain/plugins/kubernetes/object/normalize";
import { handover, mustForce } from "../../toolchain/plugins/kubernetes/object/ownership";
import { prune } from "../../toolchain/plugins/kubernetes/object/prune";
import { canonicalQuantity } from "../../toolchain/plugins/kubernetes/object/quantity";
import { apiVersionOf, isObjectType } from "../../toolchain/plugins/kubernetes/tokens";

const MUTABLE = { secrets: true, configMaps: false };

function deployment(spec: Props, metadata: Props = {}): KubernetesObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "app", namespace: "shop", ...metadata },
    spec,
  };
}

/** State as a create leaves it: the server adds fields of its own. */
function stateOf(inputs: KubernetesObject, live: KubernetesObject = inputs): Props {
  const served = {
    ...live,
    metadata: { ...live.metadata, uid: "1", generation: 1 },
    status: { replicas: 1 },
  };
  return checkpoint({
    inputs,
    live: served,
    fieldManager: "pulumi-kubernetes-1",
    initialApiVersion: inputs.apiVersion,
  });
}

const changes = (olds: KubernetesObject, news: KubernetesObject, live = olds) =>
  diffObject(stateOf(olds, live), news, MUTABLE).changes.map(
    ({ path, kind, replace }) => `${kind}${replace ? "!" : ""} ${path}`,
  );

describe("kubernetes stand-in: state", () => {
  it("holds the live object without the list of its field managers, and the inputs beside it", () => {
    const inputs = deployment({});
    const live = deployment({}, { managedFields: [{ manager: "kubectl" }], resourceVersion: "7" });
    const state = stateOf(inputs, live);
    assert.equal(JSON.stringify(state).includes("managedFields"), false);
    assert.equal((state.metadata as Props).resourceVersion, "7");
    assert.deepEqual(state.__inputs, inputs);
    assert.ok(live.metadata.managedFields, "the object itself is left as it is");
  });
});

describe("kubernetes stand-in: amounts", () => {
  for (const [given, wanted] of [
    ["0.5", "500m"],
    ["1000m", "1"],
    ["100m", "100m"],
    ["1", "1"],
    ["2000", "2k"],
    ["1024Mi", "1Gi"],
    ["1536Mi", "1536Mi"],
    ["0.5Gi", "512Mi"],
    ["1.5Gi", "1536Mi"],
    ["1G", "1G"],
    ["1000M", "1G"],
    ["1e3", "1k"],
    ["0", "0"],
    ["0.0001", "100u"],
    ["128Mi", "128Mi"],
    ["no amount", "no amount"],
    ["", ""],
  ] as const) {
    it(`${given || "nothing"} is ${wanted || "nothing"}`, () =>
      assert.equal(canonicalQuantity(given), wanted));
  }

  it("are the same again when they are read again", () => {
    const suffixes = ["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "Ti"] as const;
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(999), fc.constantFrom(...suffixes), (whole, fraction, suffix) => {
        const once = canonicalQuantity(`${whole}.${fraction}${suffix}`);
        assert.equal(canonicalQuantity(once), once);
      }),
    );
  });
});

describe("kubernetes stand-in: objects", () => {
  it("have no difference to what they were made of, whatever the server adds", () => {
    const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean());
    const tree = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.dictionary(fc.string({ minLength: 1 }), tie("value")),
        fc.array(fc.dictionary(fc.string({ minLength: 1 }), leaf), { maxLength: 3 }),
      ),
    })).value;
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), tree), (spec) => {
        const inputs = normalize(deployment({ ...spec }));
        const live = {
          ...structuredClone(inputs),
          spec: { ...structuredClone(inputs.spec as Props), added: { by: "server" } },
        };
        // A program that says something of the very field that the server adds is another matter.
        fc.pre(!("added" in spec));
        assert.deepEqual(changes(inputs, inputs, live), []);
      }),
    );
  });

  it("show each change by its path, and those that need a new object", () => {
    const olds = deployment({ replicas: 1, selector: { matchLabels: { app: "a" } }, paused: true });
    assert.deepEqual(
      changes(olds, deployment({ replicas: 2, selector: { matchLabels: { app: "a" } } })).sort(),
      ["delete spec.paused", "update spec.replicas"],
    );
    const other = deployment({ replicas: 1, selector: { matchLabels: { app: "b" } }, paused: true });
    assert.deepEqual(changes(olds, other), ["update! spec.selector.matchLabels.app"]);
    assert.equal(diffObject(stateOf(olds), other, MUTABLE).deleteBeforeReplace, true);
    const moved = deployment(olds.spec as Props, { namespace: "other" });
    assert.deepEqual(changes(olds, moved), ["update! metadata.namespace"]);
    assert.equal(diffObject(stateOf(olds), moved, MUTABLE).deleteBeforeReplace, false);
    assert.deepEqual(changes(olds, deployment({ ...(olds.spec as Props), replicas: UNKNOWN })), [
      "update spec.replicas",
    ]);
    const annotated = deployment(olds.spec as Props, { annotations: { "a.b/c": "1" } });
    assert.deepEqual(changes(olds, annotated), ["add metadata.annotations"]);
  });

  it("show what others changed, as far as the program says anything of it", () => {
    const olds = deployment({ replicas: 1 });
    assert.deepEqual(changes(olds, olds, deployment({ replicas: 5, paused: true })), [
      "update spec.replicas",
    ]);
  });

  it("take a Secret's stringData for its data", () => {
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: "n" } };
    const inputs = normalize({ ...secret, stringData: { a: "1" } });
    assert.deepEqual(inputs.data, { a: "MQ==" });
    assert.equal(inputs.stringData, undefined);
  });

  it("are pruned to the shape that the program gave", () => {
    const live = { a: { b: 1, c: 2 }, list: [{ x: 1, y: 2 }, { x: 3 }], other: 1 };
    assert.deepEqual(prune(live, { a: { b: 0 }, list: [{ x: 0 }] }), { a: { b: 1 }, list: [{ x: 1 }] });
  });

  it("are known by namespace and name", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z]{1,9}$/),
        fc.option(fc.stringMatching(/^[a-z]{1,9}$/), { nil: undefined }),
        (name, namespace) => {
          const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
          assert.deepEqual({ ...parseId(idOf({ apiVersion: "v1", kind: "Pod", metadata })) }, metadata);
        },
      ),
    );
    assert.deepEqual(apiVersionOf("kubernetes:core/v1:Secret"), { apiVersion: "v1", kind: "Secret" });
    assert.deepEqual(apiVersionOf("kubernetes:apps/v1:Deployment"), {
      apiVersion: "apps/v1",
      kind: "Deployment",
    });
    for (const type of [
      "kubernetes:apps/v1:DeploymentPatch",
      "kubernetes:core/v1:PodList",
      "kubernetes:helm.sh/v3:Release",
    ]) {
      assert.equal(isObjectType(type), false, type);
    }
    assert.equal(isObjectType("kubernetes:postgresql.cnpg.io/v1:Cluster"), true);
  });

  it("come back out of the state as they went in", () => {
    const inputs = deployment({ replicas: 1 });
    const parsed = parseCheckpoint(stateOf(inputs));
    assert.ok(sameValue(parsed.inputs, inputs));
    assert.equal(parsed.fieldManager, "pulumi-kubernetes-1");
  });
});

describe("kubernetes stand-in: field managers", () => {
  const entry = (manager: string, operation: string, fieldsV1: Props, subresource?: string) => ({
    manager,
    operation,
    fieldsV1,
    subresource,
  });
  const object = (managedFields: unknown[]) => deployment({}, { managedFields, resourceVersion: "7" });

  it("hand over what the creator and kubectl own, and nothing else", () => {
    const scaler = entry("kube-controller-manager", "Update", { "f:spec": { "f:replicas": {} } }, "scale");
    const operations = handover(
      object([
        entry("pulumi-kubernetes", "Update", { "f:spec": { "f:replicas": {} } }),
        entry("kubectl-edit", "Update", { "f:spec": { "f:paused": {} } }),
        scaler,
      ]),
      "pulumi-kubernetes-1",
    ) as { op: string; value: unknown }[];
    assert.deepEqual(operations[0], { op: "test", path: "/metadata/resourceVersion", value: "7" });
    const [kept, merged] = operations[1]!.value as Props[];
    assert.deepEqual(kept, scaler);
    assert.equal(merged!.manager, "pulumi-kubernetes-1");
    assert.equal(merged!.operation, "Apply");
    assert.deepEqual(merged!.fieldsV1, { "f:spec": { "f:replicas": {}, "f:paused": {} } });
  });

  it("leave an object alone that has its own manager already", () => {
    const own = entry("pulumi-kubernetes-1", "Apply", {});
    assert.equal(handover(object([own]), "pulumi-kubernetes-1"), undefined);
    assert.equal(mustForce(object([own]), false), false);
    assert.equal(mustForce(object([]), false), true);
  });
});

describe("kubernetes stand-in: configuration", () => {
  const kubeconfig = (server: string, token = "t") =>
    JSON.stringify({
      "current-context": "a",
      clusters: [{ name: "a", cluster: { server } }],
      contexts: [{ name: "a", context: { cluster: "a", user: "a" } }],
      users: [{ name: "a", user: { token } }],
    });
  const faults = (config: Props) =>
    (checkConfig(config).failures ?? []).map(({ reason }) => reason).join("\n");

  it("names what is wrong and what there is", () => {
    assert.equal(faults({ kubeconfig: kubeconfig("https://a") }), "");
    assert.match(faults({ kubeconfig: kubeconfig("https://a"), context: "b" }), /no context "b"; it has a/);
    assert.match(faults({ namespce: "x" }), /no option namespce; did you mean namespace/);
    assert.match(faults({ enableServerSideApply: "false" }), /server-side apply only/);
    assert.match(faults({ renderYamlToDirectory: "/x" }), /not supported by this stand-in/);
    assert.match(faults({ kubeconfig: "{" }), /kubeconfig can't be read/);
  });

  it("makes all anew for another cluster, and nothing for other credentials", () => {
    const replaced = (olds: Props, news: Props) =>
      diffConfig(olds, news).changes.map(({ replace }) => replace);
    const olds = { kubeconfig: kubeconfig("https://a") };
    assert.deepEqual(replaced(olds, { kubeconfig: kubeconfig("https://a", "other") }), [false]);
    assert.deepEqual(replaced(olds, { kubeconfig: kubeconfig("https://b") }), [true]);
    const same = { clusterIdentifier: "one" };
    assert.deepEqual(replaced({ ...olds, ...same }, { kubeconfig: kubeconfig("https://b"), ...same }), [
      false,
    ]);
  });
});
