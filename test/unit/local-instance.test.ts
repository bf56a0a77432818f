import assert from "node:assert/strict";
import { instance } from "../../providers/local/handlers/instance";
import type { Context, Props } from "../../providers/kit/types";

const inputs: Props = {
  name: "app-erp",
  key: "erp",
  title: "ERP",
  release: "2.2.15",
  host: "127.0.0.1",
  port: 21000,
  database: { host: "127.0.0.1", port: 5432, name: "erp", user: "erp", password: "p" },
  state: "running",
  env: {},
  secretEnv: {},
  hostsApps: false,
  rootEmail: "root@example.com",
  rootPassword: "p",
  replicas: 1,
  replicaPorts: [],
  resources: {},
};
const context = { config: { root: "/nonexistent/fleet" } } as unknown as Context;

describe("an instance's replicas, to the engine", () => {
  for (const [what, change] of [
    ["more replicas", { replicas: 3, replicaPorts: [21001, 21002] }],
    ["limits", { resources: { memoryMiB: 1024 } }],
  ] as const) {
    it(`${what} are an update in place`, async () => {
      const news = { ...inputs, ...change };
      const outcome = await instance.diff!("app-erp", inputs, news, context, inputs);
      assert.ok(outcome.changes.length > 0);
      assert.ok(
        outcome.changes.every(({ replace }) => !replace),
        JSON.stringify(outcome.changes),
      );
      const named = outcome.changes.map(({ path }) => path.split(/[.[]/)[0]);
      assert.deepEqual([...new Set(named)].sort(), Object.keys(change).sort());
    });
  }

  for (const [what, change, property] of [
    ["no replicas", { replicas: 0 }, "replicas"],
    ["too few ports", { replicas: 3, replicaPorts: [21001] }, "replicaPorts"],
    ["several where apps are hosted", { replicas: 2, replicaPorts: [21001], hostsApps: true }, "replicas"],
  ] as const) {
    it(`${what} are refused`, async () => {
      const { failures } = await instance.check!({ ...inputs, ...change }, undefined, context);
      assert.deepEqual(
        failures?.map((each) => each.property),
        [property],
      );
    });
  }
});
