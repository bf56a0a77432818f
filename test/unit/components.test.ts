import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { createFleet, type FleetOutputs } from "../../components/fleet";
import type { FleetPlan } from "../../plan/types";
import { LocalPlatform } from "../../platforms/local";
import type { Platform } from "../../platforms/types";
import { hybridPlan, planOf } from "./support/plans";

interface Registered {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

/** Registers a fleet with Pulumi's mocks and a platform of local resources; returns what was registered. */
async function register(
  plan: FleetPlan,
): Promise<{ resources: Registered[]; outputs: pulumi.Unwrap<FleetOutputs> }> {
  const resources: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, id }) => {
        resources.push({ type, name, inputs: inputs as Record<string, unknown> });
        const state = inputs as Record<string, unknown>;
        const made: Record<string, unknown> = {
          "random:index/randomPassword:RandomPassword": { result: `password of ${name}` },
          "nocobase-local:index:Instance": { url: `http://${String(state.host)}:${String(state.port)}` },
          "nocobase-local:index:PostgresServer": { host: "127.0.0.1", version: "15" },
          "nocobase-local:index:Gateway": { url: `http://localhost:${String(state.port)}` },
          "nocobase:index:Application": { url: `http://host/apps/${String(state.name)}/` },
        };
        return { id: id ?? `${name}-id`, state: { ...state, ...(made[type] as object | undefined) } };
      },
      call: () => ({}),
    },
    "nocobase-fleet",
    plan.stack,
  );
  const platform: Platform = new LocalPlatform({ root: "/srv/fleet", releases: plan.releases });
  const outputs = createFleet(plan, platform, { databaseServerPasswords: {}, secretEnv: {} });
  const resolved = await new Promise<pulumi.Unwrap<FleetOutputs>>((resolve) => {
    pulumi.output(outputs).apply((value) => resolve(value));
  });
  return { resources, outputs: resolved };
}

describe("components", function () {
  this.timeout(30_000);
  let fleet: Awaited<ReturnType<typeof register>>;

  before(async () => {
    fleet = await register(hybridPlan);
  });

  const ofType = (type: string) => fleet.resources.filter((resource) => resource.type === type);
  const named = (name: string) => {
    const found = fleet.resources.find((resource) => resource.name === name);
    assert.ok(found, `no resource ${name}`);
    return found;
  };

  it("makes one provider of roles and databases for each server", () => {
    assert.deepEqual(
      ofType("pulumi:providers:postgresql").map(({ name }) => name),
      ["main-administrator"],
    );
  });

  it("gives a shared app eight resources, components included", () => {
    const own = fleet.resources.filter(({ name }) => name === "crm" || name.startsWith("crm-"));
    assert.deepEqual(own.map(({ type }) => type.split(":").pop()).sort(), [
      "AppDatabase",
      "AppFiles",
      "Application",
      "BusinessApp",
      "Database",
      "Grant",
      "RandomPassword",
      "Role",
    ]);
  });

  it("closes each database to PUBLIC and gives roles no privilege", () => {
    for (const key of ["entry", "blue", "crm", "erp"]) {
      const grant = named(`${key}-connect`).inputs;
      assert.deepEqual([grant.role, grant.objectType, grant.privileges], ["public", "database", []]);
      const role = named(`${key}-role`).inputs;
      assert.ok(Number(role.connectionLimit) > 0);
      for (const power of ["superuser", "createDatabase", "createRole"])
        assert.ok(!role[power], `${key}: ${power}`);
    }
  });

  it("derives different secrets for each app and purpose", () => {
    const { credentials } = fleet.outputs;
    const { "server/main": server, ...signIns } = credentials;
    assert.equal(server!.email, "postgres");
    const passwords = Object.values(signIns).map(({ password }) => password);
    const jwt = [
      named("crm-app").inputs.jwtSecret,
      named("crm-files").inputs.aesKey,
      named("erp-files").inputs.aesKey,
    ];
    const all = [...passwords, ...jwt.map((value) => JSON.stringify(value))];
    assert.equal(new Set(all).size, all.length);
    assert.ok(passwords.every((password) => /^[\w-]{24}$/.test(password)));
  });

  it("places shared apps in their host and dedicated ones on their own", () => {
    assert.equal(named("crm-files").inputs.instance, "env-blue");
    assert.equal(named("crm-files").inputs.appName, "crm");
    assert.equal(named("erp-files").inputs.instance, "app-erp");
    assert.equal(named("erp-files").inputs.appName, "main");
    assert.equal(named("blue-instance").inputs.hostsApps, true);
    assert.equal(named("erp-instance").inputs.hostsApps, false);
  });

  it("routes every app to the instance that serves it", () => {
    const routes = named("gateway-server").inputs.routes as { key: string; target: string }[];
    const target = (key: string) => routes.find((route) => route.key === key)?.target;
    const { blue, entry, erp } = {
      blue: hybridPlan.environments.blue!.port,
      entry: hybridPlan.entry.port,
      erp: hybridPlan.apps.erp!.instance!.port,
    };
    assert.equal(target("entry"), `http://127.0.0.1:${entry}`);
    assert.equal(target("crm"), `http://127.0.0.1:${blue}`);
    assert.equal(target("erp"), `http://127.0.0.1:${erp}`);
  });

  it("makes one instance of all replicas, and routes that don't change with them", async () => {
    const apps = (replicas: number) => ({
      erp: { isolation: "dedicated", replicas, resources: { memory: "1Gi" } },
    });
    const [one, three] = [
      await register(planOf({ apps: apps(1) })),
      await register(planOf({ apps: apps(3) })),
    ];
    const inputs = (made: typeof one) => made.resources.find(({ name }) => name === "erp-instance")!.inputs;
    assert.deepEqual([inputs(one).replicas, inputs(one).replicaPorts], [1, []]);
    assert.equal(inputs(three).replicas, 3);
    assert.equal((inputs(three).replicaPorts as number[]).length, 2);
    assert.deepEqual(inputs(three).resources, { memoryMiB: 1024 });
    // Scaling is one update of one resource; the control plane is told where requests may be passed on to.
    const changed = three.resources.filter(
      ({ name, inputs: now }) =>
        JSON.stringify(now) !== JSON.stringify(one.resources.find((each) => each.name === name)?.inputs),
    );
    assert.deepEqual(
      changed.map(({ name }) => name),
      ["erp-instance", "declaration"],
    );
    assert.equal(three.resources.length, one.resources.length);
    const gateway = three.resources.find(({ name }) => name === "gateway-server")!;
    const route = (gateway.inputs.routes as { key: string; instance: string }[]).find(
      ({ key }) => key === "erp",
    );
    assert.equal(route?.instance, "app-erp");
  });

  it("says id, address, state and database of every app and environment", () => {
    const { apps, environments } = fleet.outputs;
    assert.deepEqual(Object.keys(apps).sort(), Object.keys(hybridPlan.apps).sort());
    const crm = apps.crm!;
    assert.match(crm.id, /^urn:pulumi:.*BusinessApp::crm$/);
    assert.equal(crm.environment, "blue");
    assert.equal(crm.state, "running");
    assert.equal(crm.database, hybridPlan.apps.crm!.database.name);
    assert.equal(apps.erp!.environment, null);
    assert.ok(environments.blue);
  });
});
