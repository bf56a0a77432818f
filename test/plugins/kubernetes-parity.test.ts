/**
 * The official kubernetes plugin and the stand-in: each goes on with the state that the other made, and both answer
 * alike call by call. What may differ on purpose: the stand-in keeps no list of field managers in the state, refuses
 * fields that the API does not have where the official plugin warns, fails at once where a rollout can't succeed any more,
 * and reads without judging readiness.
 */
import assert from "node:assert/strict";
import { UNKNOWN } from "../../providers/kit/types";
import type { TestCluster } from "../support/kubernetes";
import { createProject, executableOf } from "./support/engine";
import { RESTRICTED, shop, startCluster } from "./support/kubernetes-stack";
import { compare, inTheClear, takeTurns } from "./support/parity";
import { PluginClient, type Values } from "./support/plugin-client";

const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const SECRET = "kubernetes:core/v1:Secret";

const metadata = { name: "app", namespace: "default" };

function deployment(edit: Values = {}, container: Values = {}): Values {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: {
          containers: [
            {
              name: "app",
              image: "registry.example/app:1",
              resources: { requests: { cpu: "0.1", memory: "128Mi" } },
              securityContext: RESTRICTED,
              ...container,
            },
          ],
        },
      },
      ...edit,
    },
  };
}

const EDITS: readonly Values[] = [
  deployment({ replicas: 2 }),
  deployment({}, { image: "registry.example/app:2" }),
  deployment({}, { resources: { requests: { cpu: "100m", memory: "128Mi" } } }),
  deployment({}, { env: [{ name: "A", value: "1" }] }),
  deployment({ selector: { matchLabels: { app: "other" } } }),
  deployment({ replicas: UNKNOWN }),
  { ...deployment(), metadata: { ...metadata, name: "other" } },
  { ...deployment(), metadata: { ...metadata, annotations: { "a.example/b": "c" } } },
];

function withoutManagers(answer: object): unknown {
  const text = JSON.stringify(answer, (key, value: unknown) => (key === "managedFields" ? undefined : value));
  return JSON.parse(text) as unknown;
}

compare("kubernetes", (pair) => {
  let cluster: TestCluster;
  const undone: (() => Promise<void>)[] = [];
  before(async function () {
    cluster = await startCluster(this);
    undone.push(() => cluster.stop());
  });
  after(() => undone[0]?.());

  it("take turns on one state", async () => {
    const program = () => {
      shop(cluster.kubeconfig());
      return Promise.resolve({});
    };
    const project = await createProject({ program });
    try {
      await takeTurns(project, pair);
    } finally {
      await project.dispose();
    }
  });

  describe("answer alike", () => {
    let theirs: PluginClient;
    let ours: PluginClient;
    before(async () => {
      const config = { kubeconfig: cluster.kubeconfig() };
      theirs = await PluginClient.start(pair.official.program, config);
      ours = await PluginClient.start(await executableOf(pair.standIn.program), config);
    });
    after(() => {
      theirs.stop();
      ours.stop();
    });

    it("on a Deployment: check, state and every edit", async () => {
      const checked = await theirs.check(DEPLOYMENT, deployment());
      assert.deepEqual(await ours.check(DEPLOYMENT, deployment()), checked);
      const oldInputs = inTheClear(checked.inputs);
      const made = await theirs.create(DEPLOYMENT, oldInputs);
      const olds = inTheClear(made.outputs);
      try {
        assert.deepEqual(
          withoutManagers(await ours.read(DEPLOYMENT, made.id, olds, oldInputs)),
          withoutManagers(await theirs.read(DEPLOYMENT, made.id, olds, oldInputs)),
        );
        for (const edit of EDITS) {
          const news = inTheClear((await theirs.check(DEPLOYMENT, edit, oldInputs)).inputs);
          assert.deepEqual(inTheClear((await ours.check(DEPLOYMENT, edit, oldInputs)).inputs), news);
          const state = { id: made.id, olds, news, oldInputs };
          const answers = [await ours.diff(DEPLOYMENT, state), await theirs.diff(DEPLOYMENT, state)];
          assert.deepEqual(answers[0], answers[1], JSON.stringify(edit));
        }
      } finally {
        await ours.delete(DEPLOYMENT, made.id, olds);
      }
    });

    it("on a Secret: all its data is secret", async () => {
      const given = { apiVersion: "v1", kind: "Secret", metadata, stringData: { a: "1" } };
      assert.deepEqual(await ours.check(SECRET, given), await theirs.check(SECRET, given));
    });
  });
});
