import assert from "node:assert/strict";
import fc from "fast-check";
import { readFleetSpec } from "../../config/read";
import { ownedBy } from "../../plan/environment-variables";
import { planFleet } from "../../plan/fleet";
import { databaseName, instanceName, registryName } from "../../plan/names";
import type { FleetPlan } from "../../plan/types";
import { key, stack } from "./support/stack-values";

function plan(values: Record<string, unknown>, stack = "dev"): FleetPlan {
  const { spec, faults } = readFleetSpec({ stack, values });
  assert.equal(faults, undefined, JSON.stringify(faults));
  return planFleet(spec);
}

describe("planFleet", () => {
  it("makes the entry app alone of an empty stack file", () => {
    const made = plan({});
    assert.equal(made.topology, "single");
    assert.equal(made.entry.name, "entry");
    assert.equal(made.entry.hostsApps, false);
    assert.deepEqual(made.releases, ["2.2.15"]);
    assert.equal(made.gateway.url, "http://localhost:13000");
    assert.equal(made.entry.database.deletion, "protect");
    assert.deepEqual(made.gateway.routes, [
      {
        key: "entry",
        kind: "entry",
        title: "Entry app",
        hosts: ["localhost"],
        instance: "entry",
        instanceName: "entry",
        state: "running",
      },
    ]);
    assert.equal(made.databaseServers.main?.kind, "managed");
  });

  it("tells the topologies apart", () => {
    assert.equal(plan({ apps: { crm: {} } }).topology, "shared");
    assert.equal(plan({ environments: { blue: {} } }).topology, "hybrid");
    assert.equal(plan({ apps: { crm: { isolation: "dedicated" } } }).topology, "hybrid");
  });

  it("makes the entry app the control plane where there is something to control and it hosts nothing itself", () => {
    assert.equal(plan({}).supervisor, "none");
    assert.equal(plan({ apps: { crm: {} } }).supervisor, "none");
    assert.equal(plan({ environments: { blue: {} }, apps: { crm: {} } }).supervisor, "none");
    assert.equal(plan({ environments: { blue: {} }, supervisor: "none" }).registry, undefined);
    const docker = (images: string) => plan({ environments: { blue: {} }, platform: "docker", images });
    assert.deepEqual([docker("local").supervisor, docker("official").supervisor], ["open", "none"]);
    const made = plan({ environments: { blue: {} }, apps: { erp: { isolation: "dedicated" } } });
    assert.deepEqual(made.registry, {
      server: "main",
      name: "dev_entry_",
      members: { blue: "dev_blue_", erp: "dev_erp_" },
    });
    assert.equal(made.environments.blue?.env.FLEET_SUPERVISOR_ROLE, "environment");
    assert.equal(made.apps.erp?.instance?.env.FLEET_SUPERVISOR_NAME, "erp");
  });

  it("gives the registry's roles names that no app's has", () => {
    fc.assert(
      fc.property(fc.uniqueArray(key, { maxLength: 20 }), stack, (keys, name) => {
        const own = keys.map((each) => databaseName(name, each));
        const members = ["entry", ...keys].map((each) => registryName(name, each));
        assert.equal(new Set([...own, ...members]).size, own.length + members.length);
        for (const member of members) assert.ok(member.length <= 63);
      }),
    );
  });

  it("places a shared app in its environment and gives it that release", () => {
    const values = {
      environments: { blue: { release: { version: "2.2.15" } } },
      apps: {
        crm: {
          title: "CRM",
          environment: "blue",
          state: "stopped",
          startMode: "lazy",
          domains: ["CRM.example.com"],
        },
      },
    };
    const { crm } = plan(values).apps;
    assert.deepEqual(crm, {
      key: "crm",
      name: "crm",
      title: "CRM",
      isolation: "shared",
      placement: "shared:blue",
      host: "blue",
      state: "stopped",
      startMode: "lazy",
      release: "2.2.15",
      hosts: ["crm.localhost", "crm.example.com"],
      url: "http://crm.localhost:13000",
      database: {
        server: "main",
        name: "dev_crm",
        role: "dev_crm",
        connectionLimit: 10,
        deletion: "protect",
      },
      root: { email: "admin@example.com", nickname: "Super Admin", passwordGeneration: 1 },
      deletion: "protect",
    });
  });

  it("lets what an app says win over the fleet's", () => {
    const made = plan({
      deletion: "backup",
      rootEmail: "ops@example.com",
      apps: { a: {}, b: { deletion: "delete", rootEmail: "b@example.com", database: { name: "legacy" } } },
    });
    assert.deepEqual(
      Object.values(made.apps).map(({ deletion, root, database }) => [
        deletion,
        root.email,
        database.name,
        database.role,
      ]),
      [
        ["backup", "ops@example.com", "dev_a", "dev_a"],
        ["delete", "b@example.com", "legacy", "dev_b"],
      ],
    );
  });

  it("merges environment variables over the defaults and keeps secrets out, but for their names", () => {
    const { entry } = plan({
      entry: { env: { TZ: "Europe/Berlin", LOGGER_LEVEL: "warn" } },
      secretEnv: { entry: { SMTP_PASSWORD: { secure: "v1:abc" }, AWS_SECRET: { secure: "v1:def" } } },
    });
    assert.deepEqual(entry.env, {
      APP_ENV: "production",
      FLEET_CLUSTER: "1",
      INIT_APP_LANG: "en-US",
      INIT_ROOT_EMAIL: "admin@example.com",
      INIT_ROOT_NICKNAME: "Super Admin",
      LOGGER_LEVEL: "warn",
      NODE_ENV: "production",
      SKIP_SAME_VERSION_UPGRADE: "true",
      TZ: "Europe/Berlin",
    });
    assert.deepEqual(entry.secretEnv, ["AWS_SECRET", "SMTP_PASSWORD"]);
  });

  it("leaves port 80 out of addresses", () => {
    assert.equal(
      plan({ gateway: { port: 80, domain: "apps.example.com" } }).gateway.url,
      "http://apps.example.com",
    );
  });

  it("plans an external server by its address, without its password", () => {
    const made = plan({
      databaseServers: { main: { kind: "external", host: "db.example.com" } },
      databaseServerPasswords: { main: { secure: "v1:abc" } },
    });
    assert.deepEqual(made.databaseServers.main, {
      kind: "external",
      key: "main",
      name: "postgres-main",
      host: "db.example.com",
      port: 5432,
      adminUser: "postgres",
      sslMode: "require",
      maintenanceDatabase: "postgres",
      superuser: true,
    });
    assert.ok(!JSON.stringify(made).includes("v1:abc"));
  });
});

describe("names", () => {
  it("are readable where they fit and end in a hash where they don't", () => {
    assert.equal(databaseName("dev", "crm-eu"), "dev_crm_eu");
    assert.equal(databaseName("prod-eu", "crm"), "prod_eu_crm");
    assert.equal(instanceName("environment", "blue"), "env-blue");
    assert.match(databaseName("Dev", "crm"), /^dev_crm_[0-9a-f]{8}$/);
    assert.match(databaseName("pg", "crm"), /^s_pg_crm_[0-9a-f]{8}$/);
    assert.match(databaseName("dev", "x".repeat(63)), /^dev_x{50}_[0-9a-f]{8}$/);
    assert.match(instanceName("app", "x".repeat(63)), /^app-x{50}-[0-9a-f]{8}$/);
  });
});

describe("variables that the fleet sets itself", () => {
  it("are told from the user's own", () => {
    for (const name of [
      "APP_KEY",
      "DB_HOST",
      "INIT_ROOT_EMAIL",
      "STORAGE_PATH",
      "API_BASE_URL",
      "NODE_OPTIONS",
    ]) {
      assert.ok(ownedBy(name), name);
    }
    for (const name of ["TZ", "LOGGER_LEVEL", "INIT_APP_LANG", "SMTP_PASSWORD", "constructor"]) {
      assert.equal(ownedBy(name), undefined, name);
    }
  });
});
