import assert from "node:assert/strict";
import fc from "fast-check";
import { planFleet } from "../../plan/fleet";
import { databaseName, instanceName, longestName, serverName } from "../../plan/names";
import { derivedPorts } from "../../plan/ports";
import type { AppPlan, FleetPlan, InstancePlan } from "../../plan/types";
import { appValues, key, numRuns, shuffled, specOf, stack, stackValues } from "./support/stack-values";

function instancesOf(plan: FleetPlan): InstancePlan[] {
  return [
    plan.entry,
    ...Object.values(plan.environments),
    ...Object.values(plan.apps).flatMap(({ instance }) => instance ?? []),
  ];
}

/** Every process but the gateway's. */
function processesOf(plan: FleetPlan): { name: string; port: number }[] {
  return [
    ...instancesOf(plan).flatMap(({ replicas }) => replicas),
    ...Object.values(plan.databaseServers).map(({ name, port }) => ({ name, port })),
  ];
}

function databasesOf(plan: FleetPlan) {
  return [plan.entry, ...Object.values(plan.environments), ...Object.values(plan.apps)].map(
    ({ database }) => database,
  );
}

function assertUnique(values: readonly (string | number)[]): void {
  assert.equal(new Set(values).size, values.length, `not unique: ${values.join(", ")}`);
}

/** Without the variables of the control plane: whether there is one depends on the fleet as a whole. */
function unsupervised<Part extends { env: Readonly<Record<string, string>> }>(part: Part) {
  const env = Object.entries(part.env).filter(([name]) => !name.startsWith("FLEET_SUPERVISOR_"));
  return { ...part, env: Object.fromEntries(env) };
}

/** Everything of a plan but one app, and but what says whether the entry app hosts any and is the control plane. */
function without(plan: FleetPlan, app: string) {
  const { env, ...entry } = unsupervised(plan.entry);
  return {
    ...plan,
    topology: undefined,
    supervisor: undefined,
    registry: undefined,
    releases: undefined,
    entry: { ...entry, hostsApps: undefined, env: { ...env, FLEET_CLUSTER: undefined } },
    environments: Object.fromEntries(
      Object.entries(plan.environments).map(([key, each]) => [key, unsupervised(each)]),
    ),
    apps: Object.fromEntries(
      Object.entries(plan.apps)
        .filter(([name]) => name !== app)
        .map(([name, each]) => [
          name,
          each.instance ? { ...each, instance: unsupervised(each.instance) } : each,
        ]),
    ),
    gateway: { ...plan.gateway, routes: plan.gateway.routes.filter((route) => route.key !== app) },
  };
}

describe("every plan", function () {
  this.timeout(600_000);

  it("has names that are valid and unique", () => {
    fc.assert(
      fc.property(stackValues, ({ stack: name, values }) => {
        const plan = planFleet(specOf(name, values));
        const databases = databasesOf(plan);
        for (const database of databases) {
          for (const each of [database.name, database.role]) {
            assert.match(each, /^[a-z][a-z0-9_]{0,62}$/);
            assert.doesNotMatch(each, /^pg_/);
          }
        }
        assertUnique(databases.map((database) => database.name));
        assertUnique(databases.map((database) => database.role));
        const named = [...instancesOf(plan), ...Object.values(plan.databaseServers)];
        for (const each of named) assert.match(each.name, /^[a-z][a-z0-9-]{0,62}$/);
        assertUnique(processesOf(plan).map((each) => each.name));
        assertUnique(plan.gateway.routes.flatMap(({ hosts }) => hosts));
        for (const host of plan.gateway.routes.flatMap(({ hosts }) => hosts)) {
          for (const label of host.split(".")) assert.match(label, /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
        }
      }),
      { numRuns },
    );
  });

  it("has ports that are free of each other and outside the ephemeral range where derived", () => {
    fc.assert(
      fc.property(stackValues, ({ stack: name, values }) => {
        const spec = specOf(name, values);
        const plan = planFleet(spec);
        assertUnique([plan.gateway.port, ...processesOf(plan).map(({ port }) => port)]);
        for (const { kind, key: own, port, replicas } of instancesOf(plan)) {
          const declared =
            kind === "entry" ? spec.entry : kind === "environment" ? spec.environments[own] : spec.apps[own];
          const explicit = declared && "port" in declared ? declared.port : undefined;
          assert.equal(replicas[0]!.port, port);
          for (const [index, replica] of replicas.entries()) {
            if (explicit !== undefined) assert.equal(replica.port, explicit + index);
            else assert.ok(replica.port >= derivedPorts.first && replica.port <= derivedPorts.last);
          }
        }
      }),
      { numRuns },
    );
  });

  it("routes each key once, to an instance that the plan has", () => {
    fc.assert(
      fc.property(stackValues, ({ stack: name, values }) => {
        const plan = planFleet(specOf(name, values));
        const routes = plan.gateway.routes;
        const keys = ["entry", ...Object.keys(plan.environments), ...Object.keys(plan.apps)];
        assert.deepEqual(
          routes.map((route) => route.key),
          keys.sort(),
        );
        const targets = new Set(instancesOf(plan).map((instance) => instance.key));
        for (const route of routes) {
          assert.ok(targets.has(route.instance));
          const backend = instancesOf(plan).find(({ key: own }) => own === route.instance);
          assert.equal(route.instanceName, backend!.name);
        }
        for (const app of Object.values(plan.apps)) {
          assert.equal(app.placement, app.host === undefined ? "dedicated" : `shared:${app.host}`);
          assert.equal(app.instance === undefined, app.isolation === "shared");
        }
        assert.equal(
          plan.entry.hostsApps,
          Object.values(plan.apps).some(({ host }) => host === "entry"),
        );
      }),
      { numRuns },
    );
  });

  it("doesn't depend on the order of keys", () => {
    fc.assert(
      fc.property(
        stackValues,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (given, stream) => {
          const random = (): number => stream.next().value as number;
          const plan = planFleet(specOf(given.stack, given.values));
          const other = planFleet(specOf(given.stack, shuffled(given.values, random)));
          // As text: the order of the plan's own keys is the same, too.
          assert.equal(JSON.stringify(other), JSON.stringify(plan));
        },
      ),
      { numRuns },
    );
  });

  it("leaves everything else alone when an app is added, changed and removed, and comes back to itself", () => {
    fc.assert(
      fc.property(
        stackValues.chain((given) =>
          fc.tuple(
            fc.constant(given),
            key,
            appValues(Object.keys(given.values.environments as object)),
            appValues(Object.keys(given.values.environments as object)),
          ),
        ),
        ([{ stack: name, values }, added, app, changed]) => {
          fc.pre(!Object.hasOwn(values.apps, added));
          fc.pre(!Object.hasOwn(values.environments as object, added));
          const withApp = (own: unknown) => ({ ...values, apps: { ...values.apps, [added]: own } });
          const before = planFleet(specOf(name, values));
          const plans = [app, changed].map((own) => planFleet(specOf(name, withApp(own))));
          for (const plan of plans) assert.deepEqual(without(plan, added), without(before, added));
          assert.equal(JSON.stringify(planFleet(specOf(name, values))), JSON.stringify(before));
        },
      ),
      { numRuns },
    );
  });

  it("keeps an app's database, role and hosts through a move, and its port through every edit", () => {
    const kept = ({ database, hosts, url }: AppPlan) => ({
      name: database.name,
      role: database.role,
      hosts,
      url,
    });
    fc.assert(
      fc.property(
        stack,
        key,
        fc.string({ unit: fc.constantFrom("a", " ", "Z"), minLength: 1, maxLength: 9 }),
        (name, app, title) => {
          const plan = (values: Record<string, unknown>) => {
            const environments = { [app === "blue" ? "green" : "blue"]: {} };
            const made = planFleet(specOf(name, { environments, apps: { [app]: values } }));
            return made.apps[app]!;
          };
          const environment = app === "blue" ? "green" : "blue";
          const dedicated = plan({ isolation: "dedicated" });
          const edited = plan({ isolation: "dedicated", title, state: "stopped", heapLimitMiB: 512 });
          const shared = plan({ environment });
          const inEntry = plan({});
          assert.equal(edited.instance!.port, dedicated.instance!.port);
          for (const other of [edited, shared, inEntry]) assert.deepEqual(kept(other), kept(dedicated));
          assert.equal(new Set([dedicated, shared, inEntry].map(({ placement }) => placement)).size, 3);
        },
      ),
      { numRuns },
    );
  });

  it("changes the replicas of one app alone when that app is scaled, and comes back to itself", () => {
    fc.assert(
      fc.property(
        stackValues,
        fc.integer({ min: 1, max: 6 }),
        fc.option(fc.integer({ min: 40000, max: 65000 }), { nil: undefined }),
        ({ stack: name, values }, replicas, port) => {
          const scaled = "scaled";
          fc.pre(
            !Object.hasOwn(values.apps, scaled) && !Object.hasOwn(values.environments as object, scaled),
          );
          const planWith = (count: number) => {
            const own = { isolation: "dedicated", replicas: count, ...(port === undefined ? {} : { port }) };
            return planFleet(specOf(name, { ...values, apps: { ...values.apps, [scaled]: own } }));
          };
          const [one, many] = [planWith(1), planWith(replicas)];
          const { instance } = many.apps[scaled]!;
          assert.equal(instance!.replicas.length, replicas);
          assert.deepEqual(instance!.replicas[0], one.apps[scaled]!.instance!.replicas[0]);
          assert.deepEqual(
            planWith(6).apps[scaled]!.instance!.replicas.slice(0, replicas),
            instance!.replicas,
          );
          assert.deepEqual(
            { ...many.apps[scaled], instance: { ...instance, replicas: undefined } },
            { ...one.apps[scaled], instance: { ...one.apps[scaled]!.instance, replicas: undefined } },
          );
          assert.deepEqual(without(many, scaled), without(one, scaled));
          assert.deepEqual(many.gateway, one.gateway);
          assert.equal(JSON.stringify(planWith(1)), JSON.stringify(one));
        },
      ),
      { numRuns },
    );
  });

  it("puts processes in step exactly where there may be several", () => {
    fc.assert(
      fc.property(stackValues, ({ stack: name, values }) => {
        for (const { env, hostsApps, replicas } of instancesOf(planFleet(specOf(name, values)))) {
          assert.equal(env.FLEET_CLUSTER, hostsApps ? undefined : "1");
          assert.ok(!hostsApps || replicas.length === 1);
        }
      }),
      { numRuns },
    );
  });

  it("is frozen all the way down", () => {
    const assertFrozen = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      assert.ok(Object.isFrozen(value));
      for (const inner of Object.values(value)) assertFrozen(inner);
    };
    fc.assert(
      fc.property(stackValues, ({ stack: name, values }) => {
        const spec = specOf(name, values);
        assertFrozen(spec);
        assertFrozen(planFleet(spec));
      }),
      { numRuns: Math.min(numRuns, 1000) },
    );
  });
});

describe("derived names", () => {
  it("are valid, within the limit and different for different keys", () => {
    fc.assert(
      fc.property(stack, key, key, (name, one, other) => {
        fc.pre(one !== other);
        for (const made of [databaseName(name, one), instanceName("app", one), serverName(one)]) {
          assert.ok(made.length <= longestName);
          assert.match(made, /^[a-z][a-z0-9_-]*$/);
        }
        assert.notEqual(databaseName(name, one), databaseName(name, other));
        assert.notEqual(instanceName("app", one), instanceName("app", other));
        assert.notEqual(instanceName("app", one), instanceName("environment", one));
        assert.notEqual(serverName(one), serverName(other));
      }),
      { numRuns },
    );
  });

  it("tell stacks apart whose names come out alike", () => {
    const stacks = ["prod-eu", "prod_eu", "prod.eu", "Prod-EU", "prod--eu", "pg", "s-pg", "s_pg", "9", "s-9"];
    assertUnique(stacks.map((name) => databaseName(name, "crm")));
  });
});
