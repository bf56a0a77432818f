import assert from "node:assert/strict";
import fc from "fast-check";
import { readFleetSpec } from "../../config/read";
import { longestName, tenantAppName } from "../../plan/names";
import { planTenant } from "../../plan/tenant";
import type { PlatformFacts, TenantPlan } from "../../plan/types";
import { hostsOf } from "../../platforms/kubernetes/attachment";
import { key, stack } from "./support/stack-values";

const server = { adminUser: "postgres", sslMode: "disable", maintenanceDatabase: "postgres" } as const;
const facts: PlatformFacts = {
  version: 1,
  stack: "platform",
  platform: "local",
  gateway: { host: "127.0.0.1", port: 13000, domain: "apps.example.com" },
  environments: {
    blue: { name: "env-blue", url: "http://127.0.0.1:21000", release: "2.2.15", rootEmail: "a@example.com" },
    green: {
      name: "env-green",
      url: "http://127.0.0.1:21001",
      release: "2.2.15",
      rootEmail: "a@example.com",
    },
  },
  databaseServers: { main: { ...server, host: "127.0.0.1", port: 25432, superuser: true } },
  attachment: { root: "/srv/platform" },
};

type Values = Record<string, unknown>;

function read(values: Values, platform?: PlatformFacts, name = "acme") {
  return readFleetSpec({ stack: name, values: { platformStack: "platform", ...values }, facts: platform });
}

function faultsOf(values: Values, platform?: PlatformFacts): string[] {
  const { faults } = read(values, platform);
  return (faults ?? []).map(({ path, problem, allowed }) => `${path} ${problem} | ${allowed ?? ""}`);
}

function planOf(values: Values, name = "acme"): TenantPlan {
  const { spec, faults } = read(values, facts, name);
  assert.equal(faults, undefined, JSON.stringify(faults));
  return planTenant(spec, facts);
}

describe("a tenant's stack file", () => {
  it("declares no part of a platform", () => {
    const values = {
      platform: "local",
      topology: "hybrid",
      gateway: {},
      entry: {},
      environments: { blue: {} },
    };
    const faults = faultsOf(values);
    assert.equal(faults.length, 5);
    for (const name of Object.keys(values)) {
      assert.ok(
        faults.some((fault) => fault.startsWith(`nocobase-fleet:${name} is the platform's to say`)),
        name,
      );
    }
  });

  it("needs an environment for each shared app", () => {
    assert.deepEqual(faultsOf({ apps: { crm: {} } }), [
      "nocobase-fleet:apps.crm.environment is missing: a tenant's shared app runs in an environment | an environment of stack platform",
    ]);
  });

  it("has apps inside a platform's environment on Kubernetes, too", () => {
    const kubernetes = { image: "registry.example/nocobase:{version}" };
    const own = { kind: "external", host: "192.0.2.7" };
    const values = {
      ...{ kubernetes, databaseServers: { own }, databaseServerPasswords: { own: { secure: "v1:x" } } },
      apps: { crm: { environment: "blue" }, erp: { isolation: "dedicated" } },
    };
    const environments = { ...facts.environments, green: { ...facts.environments.green!, context: "far" } };
    const there: PlatformFacts = {
      ...{ ...facts, environments, platform: "kubernetes", attachment: { stack: "platform" } },
    };
    const { spec, faults } = read(values, there);
    assert.equal(faults, undefined, JSON.stringify(faults));
    assert.deepEqual(hostsOf(planTenant(spec, there)), {
      "env-blue": {
        address: { namespace: "platform-env-blue" },
        databases: [{ host: "192.0.2.7", port: 5432 }],
      },
      "env-green": { address: { namespace: "platform-env-green", context: "far" }, databases: [] },
    });
  });

  it("leaves what its apps name there until the platform is known", () => {
    const apps = { crm: { environment: "bleu", database: { server: "other" } } };
    assert.deepEqual(faultsOf({ apps }), []);
    assert.deepEqual(faultsOf({ apps }, facts), [
      "nocobase-fleet:apps.crm.database.server is a database server neither of this file nor of the platform stack platform | main",
      "nocobase-fleet:apps.crm.environment is no environment of the platform stack platform | blue, green",
    ]);
    assert.equal(read({ apps }, facts).faults?.[1]?.fix, 'did you mean "blue"?');
  });

  it("can't stand on itself or take a server's key of its platform", () => {
    assert.deepEqual(faultsOf({ platformStack: "acme" }), [
      "nocobase-fleet:platformStack is this very stack | another stack",
    ]);
    assert.deepEqual(faultsOf({ databaseServers: { main: { kind: "managed" } } }, facts), [
      "nocobase-fleet:databaseServers.main is also a database server of the platform stack platform | a key that no server of the platform has",
    ]);
  });

  it("gets no server of its own where its platform runs none", () => {
    const found = faultsOf(
      { databaseServers: { own: { kind: "managed" } } },
      { ...facts, platform: "kubernetes" },
    );
    assert.ok(
      found.some((fault) =>
        fault.startsWith("nocobase-fleet:databaseServers.own.kind platform kubernetes runs no"),
      ),
      found.join("\n"),
    );
  });
});

describe("a tenant's plan", () => {
  const plan = planOf({
    databaseServers: { own: { kind: "managed" } },
    apps: {
      crm: { environment: "blue", domains: ["crm.acme.example"], database: { server: "main" } },
      erp: { isolation: "dedicated" },
    },
  });

  it("puts the tenant's name before what all stacks of a platform share", () => {
    const { crm, erp } = plan.apps;
    assert.deepEqual(crm?.hosts, ["acme-crm.apps.example.com", "crm.acme.example"]);
    assert.equal(crm.url, "http://acme-crm.apps.example.com:13000");
    assert.equal(crm.name, "acme-crm");
    assert.equal(crm.placement, "shared:blue");
    assert.equal(crm.database.name, "acme_crm");
    assert.equal(erp?.instance?.name, "app-acme-erp");
    assert.equal(erp.instance.database.name, "acme_erp");
  });

  it("takes a server of its own before the platform's", () => {
    assert.equal(plan.apps.erp?.database.server, "own");
    assert.deepEqual(Object.keys(plan.databaseServers), ["own"]);
    assert.equal(planOf({ apps: { erp: { isolation: "dedicated" } } }).apps.erp?.database.server, "main");
  });

  it("routes its own apps and nothing else", () => {
    assert.deepEqual(
      plan.routes.map(({ key: name, instance }) => [name, instance]),
      [
        ["acme-crm", "blue"],
        ["acme-erp", "erp"],
      ],
    );
  });

  it("installs no release for shared apps alone", () => {
    assert.deepEqual(planOf({ apps: { crm: { environment: "blue" } } }).releases, []);
    assert.deepEqual(plan.releases, ["2.2.15"]);
  });

  it("keeps the ports and names of other tenants apart", () => {
    const apps = { erp: { isolation: "dedicated" } };
    const [one, other] = [planOf({ apps }, "acme"), planOf({ apps }, "globex")];
    assert.notEqual(one.apps.erp?.instance?.port, other.apps.erp?.instance?.port);
    assert.notEqual(one.apps.erp?.hosts[0], other.apps.erp?.hosts[0]);
  });
});

describe("names of tenants' apps", () => {
  it("are DNS labels that leave room for a prefix, whatever the stack is called", () => {
    fc.assert(
      fc.property(stack, key, (name, app) => {
        const made = tenantAppName(name, app);
        assert.match(made, /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/);
        assert.ok(made.length <= longestName - "app-".length, made);
      }),
    );
  });

  it("differ for stacks that come out alike", () => {
    assert.equal(tenantAppName("acme", "crm"), "acme-crm");
    assert.notEqual(tenantAppName("Acme", "crm"), "acme-crm");
    assert.notEqual(tenantAppName("a_b", "crm"), tenantAppName("a.b", "crm"));
  });
});
