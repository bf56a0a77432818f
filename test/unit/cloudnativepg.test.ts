/** Servers that the CloudNativePG operator runs: pure functions of the plan. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { CloudnativepgServerPlan, DatabasePlan } from "../../plan/types";
import {
  database,
  databaseRole,
  objectStores,
  scheduledBackup,
  serverCluster,
  signInRules,
} from "../../platforms/kubernetes/manifests/cloudnativepg";
import { serverPolicies } from "../../platforms/kubernetes/manifests/database-policies";
import { toDatabases } from "../../platforms/kubernetes/manifests/network-policies";
import { DATABASE_SERVER, type Manifest, type Place } from "../../platforms/kubernetes/manifests/object";
import type { Props } from "../../providers/kit/types";
import { serverGuard } from "../../providers/kubernetes/handlers/server-guard";
import { waitFor } from "../../toolchain/plugins/kubernetes/ready/wait-for";
import type { Look } from "../../toolchain/plugins/kubernetes/ready";
import { planOf } from "./support/plans";

function fleetOf(server: Props = {}) {
  return planOf(
    {
      platform: "kubernetes",
      kubernetes: { image: "registry.example/nocobase:{version}" },
      databaseServers: { main: { kind: "cloudnativepg", ...server } },
      ...((server.backups ?? server.recovery)
        ? {
            objectStoreKeys: {
              main: { accessKeyId: { secure: "v1:x" }, secretAccessKey: { secure: "v1:x" } },
            },
          }
        : {}),
      environments: { blue: {} },
      apps: { crm: { environment: "blue", database: { name: "sales" } }, erp: { isolation: "dedicated" } },
    },
    "shop",
  );
}

function placed(server: Props = {}): {
  place: Place;
  plan: CloudnativepgServerPlan;
  databases: DatabasePlan[];
} {
  const { kubernetes: cluster, databaseServers, entry, apps } = fleetOf(server);
  const plan = databaseServers.main;
  assert.ok(cluster && plan?.kind === "cloudnativepg");
  const place: Place = {
    ...{ stack: "shop", cluster, namespace: plan.namespace },
    plan: { name: plan.name, kind: DATABASE_SERVER },
  };
  return { place, plan, databases: [entry, ...Object.values(apps)].map((each) => each.database) };
}

const spec = (manifest: Manifest | undefined) => (manifest as unknown as { spec: Props }).spec;

describe("a CloudNativePG server", () => {
  it("is reached within its cluster, encrypted, in a namespace of its own", () => {
    const { plan, place } = placed();
    assert.equal(plan.namespace, "shop-postgres-main");
    assert.equal(plan.host, "postgres-rw.shop-postgres-main.svc");
    assert.equal(plan.sslMode, "require");
    assert.equal(fleetOf().supervisor, "none");
    const [rule] = spec(toDatabases(place, "to-database", [plan])).egress as { to: unknown[] }[];
    assert.deepEqual(rule?.to, [
      { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "shop-postgres-main" } } },
    ]);
  });

  it("has no administrator, and what the stack file says of it", () => {
    const { place, plan, databases } = placed({
      instances: 2,
      storage: { size: "50Gi", class: "fast" },
      resources: { memory: "2Gi", cpu: 0.5 },
      maxConnections: 500,
    });
    const { postgresql, ...made } = spec(serverCluster(place, plan, databases));
    assert.deepEqual(made, {
      instances: 2,
      imageName: "ghcr.io/cloudnative-pg/postgresql:15",
      enableSuperuserAccess: false,
      storage: { size: "50Gi", storageClass: "fast" },
      resources: { requests: { memory: "2048Mi", cpu: "500m" }, limits: { memory: "2048Mi" } },
    });
    assert.deepEqual((postgresql as Props).parameters, { max_connections: "500" });
  });

  it("lets every role into its own database alone, whatever the names", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/);
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 12 }), fc.nat(), (names, cut) => {
        const databases = names.map((role, index) => ({
          role,
          name: index < cut % names.length ? `db_${role}` : role,
        }));
        const rules = signInRules(databases);
        assert.equal(rules.at(-1), "host all all all reject");
        const enters = (role: string, wanted: string) =>
          rules.slice(0, -1).some((rule) => {
            const [, database, user] = rule.split(" ");
            const isUser = user === "all" || user === `"${role}"`;
            return isUser && (database === "sameuser" ? role === wanted : database === `"${wanted}"`);
          });
        for (const { role, name: own } of databases) {
          assert.ok(enters(role, own));
          for (const other of databases) if (other.role !== role) assert.ok(!enters(role, other.name));
        }
        assert.deepEqual(signInRules([...databases].reverse()), rules, "the order of apps says nothing");
      }),
    );
  });

  it("keeps role and database unless the app's deletion says otherwise", () => {
    const { place, databases } = placed();
    const [first] = databases;
    assert.ok(first);
    const policies = (["protect", "retain", "backup", "delete"] as const).map((deletion) => {
      const plan = { ...first, deletion };
      return [spec(databaseRole(place, "crm", plan)), spec(database(place, "crm", plan))].map(
        (made) => made.databaseRoleReclaimPolicy ?? made.databaseReclaimPolicy,
      );
    });
    assert.deepEqual(policies, [
      ["retain", "retain"],
      ["retain", "retain"],
      ["delete", "delete"],
      ["delete", "delete"],
    ]);
    assert.equal(spec(databaseRole(place, "crm", first)).superuser, undefined);
  });

  it("archives to its own folder, and begins with another's", () => {
    const { place, plan, databases } = placed({
      backups: { destination: "s3://backups/fleet", endpoint: "https://minio.example.com:9000" },
      recovery: { destination: "s3://backups/fleet", name: "old", until: "2026-11-23T08:00:00Z" },
    });
    const made = spec(serverCluster(place, plan, databases));
    assert.deepEqual(made.plugins, [
      {
        name: "barman-cloud.cloudnative-pg.io",
        isWALArchiver: true,
        parameters: { barmanObjectName: "backups", serverName: "shop-postgres-main" },
      },
    ]);
    assert.deepEqual(made.bootstrap, {
      recovery: { source: "origin", recoveryTarget: { targetTime: "2026-11-23T08:00:00Z" } },
    });
    const stores = objectStores(place, plan, {});
    assert.deepEqual(
      stores.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      ["Secret object-store", "ObjectStore backups", "ObjectStore origin"],
    );
    assert.equal(spec(stores[1]).retentionPolicy, "30d");
    assert.equal(spec(scheduledBackup(place, plan)).schedule, "0 0 2 * * *");
    assert.deepEqual(objectStores(place, placed().plan, {}), []);
    assert.equal(scheduledBackup(place, placed().plan), undefined);
  });

  it("opens nothing but what PostgreSQL, operator and backups need", () => {
    const { place, plan } = placed({
      backups: { destination: "s3://backups/fleet", endpoint: "https://192.0.2.7:9000" },
    });
    const policies = new Map(
      serverPolicies(place, plan, ["shop-entry"]).map((each) => [each.metadata.name, spec(each)]),
    );
    assert.deepEqual(policies.get("deny-all"), { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    assert.deepEqual(policies.get("from-instances")?.ingress, [
      {
        from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "shop-entry" } } }],
        ports: [{ protocol: "TCP", port: 5432 }],
      },
    ]);
    assert.deepEqual(policies.get("to-object-stores")?.egress, [
      { to: [{ ipBlock: { cidr: "192.0.2.7/32" } }], ports: [{ protocol: "TCP", port: 9000 }] },
    ]);
    assert.equal(serverPolicies(place, placed().plan, []).length, policies.size - 1);
  });
});

describe("the guard of a CloudNativePG server", () => {
  const was = {
    server: "main",
    address: { namespace: "shop-postgres-main" },
    version: 14,
    size: "20Gi",
    storageClass: "",
  };
  const diff = async (edit: Props) => {
    const context = {} as Parameters<NonNullable<typeof serverGuard.diff>>[3];
    return await serverGuard.diff?.("id", was, { ...was, ...edit }, context, was);
  };

  it("lets a server grow", async () => {
    assert.deepEqual(await diff({ size: "1Ti", version: 15 }), {
      changes: [{ path: "version" }, { path: "size" }],
    });
    assert.deepEqual(await diff({ size: "20Gi" }), { changes: [] });
  });

  for (const [what, edit, says] of [
    ["another cluster", { address: { ...was.address, context: "west" } }, /context: a server can't move/],
    ["another storage class", { storageClass: "fast" }, /can't change from the default to fast/],
    ["smaller volumes", { size: "20000Mi" }, /can't shrink from 20Gi to 20000Mi/],
    ["an older PostgreSQL", { version: 13 }, /can't go back from 14 to 13/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(diff(edit), says);
    });
  }
});

describe("kubernetes stand-in: pulumi.com/waitFor", () => {
  const look = (status: Props, generation = 2) =>
    ({ live: { apiVersion: "v1", kind: "Any", metadata: { generation }, status } }) as unknown as Look;

  it("waits for conditions and for values at a path", async () => {
    const ready = (expression: string, status: Props) => waitFor(expression)(look(status));
    const conditions = [{ type: "Ready", status: "True" }];
    assert.deepEqual(await ready("condition=Ready", { conditions }), { done: true });
    assert.ok("wait" in (await ready("condition=Ready=False", { conditions })));
    assert.ok("wait" in (await ready("condition=Other", { conditions })));
    assert.deepEqual(await ready("jsonpath={.status.applied}=true", { applied: true }), { done: true });
    assert.deepEqual(await ready("jsonpath={.status.address}", { address: "x" }), { done: true });
    assert.ok("wait" in (await ready("jsonpath={.status.address}", {})));
    const both = JSON.stringify(["condition=Ready", "jsonpath={.status.phase}=Up"]);
    assert.ok("wait" in (await ready(both, { conditions })));
    assert.deepEqual(await ready(both, { conditions, phase: "Up" }), { done: true });
  });

  it("doesn't take an older version's status, and says what the controller says", async () => {
    const applied = waitFor("jsonpath={.status.applied}=true");
    assert.ok("wait" in (await applied(look({ applied: true, observedGeneration: 1 }))));
    assert.deepEqual(await applied(look({ applied: false, message: "role x is missing" })), {
      wait: "waiting for jsonpath={.status.applied}=true: role x is missing",
    });
  });

  it("refuses what it doesn't understand", () => {
    assert.throws(() => waitFor("jsonpath={.status.list[0]}=1"), /is not understood here/);
  });
});
