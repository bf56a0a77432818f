/** The open supervisor on platform kubernetes: entry app and environment are real, their pods played. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { liveRows } from "../../cli/status/live";
import type { StackOutputs } from "../../cli/status/rows";
import { createOperations } from "../../platforms/operate";
import { commandRegistered, listRegistered, Session } from "../../providers/nocobase/client";
import type { OutputMap } from "@pulumi/pulumi/automation";
import type { Step } from "./support/engine";
import { KubernetesFleet } from "./support/kubernetes-fleet";

describe("supervisor on platform kubernetes", function () {
  this.timeout(8 * 60_000);
  let fleet: KubernetesFleet;
  let entry: Session;
  let outputs: StackOutputs;

  before(async function () {
    fleet = await KubernetesFleet.start(this, "shop", ["env-blue", "entry"], {
      environments: { blue: {} },
      apps: { crm: { title: "CRM", environment: "blue" }, solo: { isolation: "dedicated" } },
    });
  });
  after(() => fleet.stop());

  const ops = (steps: readonly Step[]) => steps.map(({ op, name }) => `${op} ${name}`).sort();
  const find = (instance: string, apiVersion: string, kind: string, name: string) =>
    fleet.cluster.objects().find({ apiVersion, kind, metadata: { namespace: `shop-${instance}`, name } });
  const shown = async (app: string) => (await listRegistered(entry)).apps.find(({ name }) => name === app);
  const untilShown = async (app: string, state: string) => {
    while ((await shown(app))?.state !== state) await sleep(200);
  };
  const rows = async () => {
    const operations = createOperations(fleet.plan, fleet.project.folder);
    return new Map((await liveRows(outputs, operations)).map((row) => [row.name, row]));
  };

  it("is what a hybrid fleet has, told of it through the API server", async () => {
    assert.equal(fleet.plan.supervisor, "open");
    const up = await fleet.bringUp();
    outputs = valuesOf(up.outputs);
    const address = await createOperations(fleet.plan, fleet.project.folder).addressOf?.("entry");
    const { email: account, password } = outputs.credentials.entry!;
    entry = new Session({ url: address!, account, password });
    const { environments, apps } = await listRegistered(entry);
    assert.deepEqual(
      environments.map(({ name, state }) => [name, state]),
      [["blue", "available"]],
    );
    assert.deepEqual(
      apps.map(({ name, isolation }) => [name, isolation]),
      [
        ["crm", "shared"],
        ["solo", "dedicated"],
      ],
    );
    await untilShown("crm", "running");
  });

  it("gives each instance a role of its own, in its Secret alone", async () => {
    const roles = new Set<string>();
    for (const instance of ["entry", "env-blue", "app-solo"]) {
      const { data } = (await find(instance, "v1", "Secret", "variables")) as unknown as {
        data: Record<string, string>;
      };
      const value = (name: string) => Buffer.from(data[name] ?? "", "base64").toString();
      roles.add(value("FLEET_SUPERVISOR_DB_USER"));
      const password = value("FLEET_SUPERVISOR_DB_PASSWORD");
      assert.ok(password.length > 20, instance);
      const deployment = JSON.stringify(await find(instance, "apps/v1", "Deployment", "app"));
      assert.ok(!deployment.includes(password), instance);
      assert.ok(deployment.includes(`"http://app.shop-${instance}.svc"`), instance);
    }
    assert.equal(roles.size, 3);
  });

  it("lets the entry app reach every app, and nobody else", async () => {
    assert.ok(await find("entry", "networking.k8s.io/v1", "NetworkPolicy", "to-apps"));
    assert.ok(await find("app-solo", "networking.k8s.io/v1", "NetworkPolicy", "from-entry"));
  });

  it("stays as it is when nothing changed", async () => {
    assert.deepEqual((await fleet.project.up()).steps, []);
  });

  it("stops an app at the entry app's word, as status says, until the next up", async () => {
    const signal = AbortSignal.timeout(120_000);
    await commandRegistered(entry, "stop", "crm", { signal, pause: () => sleep(100) });
    await untilShown("crm", "stopped");
    assert.equal((await rows()).get("crm")?.state, "stopped");
    assert.deepEqual(ops((await fleet.project.up()).steps), ["update crm-app"]);
    await untilShown("crm", "running");
    assert.equal((await rows()).get("crm")?.state, "running");
  });

  it("forgets an app that leaves, and takes its role away", async () => {
    delete fleet.values.apps.solo;
    await fleet.project.up();
    assert.equal(await shown("solo"), undefined);
    const left = await fleet.postgres.sql("SELECT rolname FROM pg_roles WHERE rolname LIKE '%solo%'");
    assert.deepEqual(left, []);
  });
});

function valuesOf(outputs: OutputMap): StackOutputs {
  const entries = Object.entries(outputs).map(([key, { value }]): [string, unknown] => [key, value]);
  return Object.fromEntries(entries) as unknown as StackOutputs;
}
