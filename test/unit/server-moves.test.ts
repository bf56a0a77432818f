import assert from "node:assert/strict";
import { UserError } from "../../cli/exit-codes";
import type { StateResource } from "../../cli/pending";
import { refuseServerMoves, serverMoves } from "../../cli/server-moves";
import { readFleetSpec } from "../../config/read";
import { planFleet } from "../../plan/fleet";
import type { FleetPlan } from "../../plan/types";

function planOf(server: string): FleetPlan {
  const database = { server };
  const { spec, faults } = readFleetSpec({
    stack: "dev",
    values: {
      databaseServers: { main: { kind: "managed" }, own: { kind: "managed" } },
      entry: { database },
      environments: { blue: { database } },
      apps: {
        crm: { environment: "blue", database },
        erp: { isolation: "dedicated", database: { server: "main" } },
      },
    },
  });
  assert.equal(faults, undefined, JSON.stringify(faults));
  return planFleet(spec);
}

/** A part with its database, as the engine writes them. */
function part(component: string, key: string, server: string): StateResource[] {
  const prefix = "urn:pulumi:dev::nocobase-fleet::";
  const types = [
    `nocobase-fleet:index:${component}`,
    "nocobase-fleet:index:AppDatabase",
    "postgresql:index/database:Database",
  ];
  const urns = [key, key, `${key}-db`].map(
    (name, index) => `${prefix}${types.slice(0, index + 1).join("$")}::${name}`,
  );
  return types.map((type, index) => ({
    type,
    urn: urns[index] ?? "",
    parent: urns[index - 1],
    ...(index === 2 && {
      provider: `${prefix}nocobase-fleet:index:DatabaseServer$pulumi:providers:postgresql::${server}-administrator::0-1`,
    }),
  }));
}

describe("another database server", () => {
  const state = [
    ...part("EntryApp", "entry", "main"),
    // A second database of the entry app's: the registry.
    ...part("EntryApp", "entry", "main"),
    ...part("RuntimeEnvironment", "blue", "main"),
    ...part("BusinessApp", "crm", "main"),
    ...part("BusinessApp", "erp", "main"),
    ...part("BusinessApp", "gone", "main"),
  ];

  it("is told of every part whose database would stay behind, and of no other", () => {
    assert.deepEqual(serverMoves(state, planOf("main")), []);
    assert.deepEqual(
      serverMoves(state, planOf("own")).map(({ part: name, from, to }) => `${name} ${from} ${to}`),
      ["entry main own", "environments.blue main own", "apps.crm main own"],
    );
    assert.deepEqual(serverMoves([], planOf("own")), []);
  });

  it("is told of databases that an operator makes, and of a server that becomes an operator's", () => {
    const operated = (kind: string): FleetPlan => ({
      ...planOf("main"),
      databaseServers: { main: { kind, key: "main" } } as unknown as FleetPlan["databaseServers"],
    });
    const namespace = "dev-postgres-main";
    const guard = {
      type: "nocobase-kubernetes:index:ServerGuard",
      urn: "urn:pulumi:dev::nocobase-fleet::nocobase-kubernetes:index:ServerGuard::main-server-guard",
      inputs: { server: "main", address: { namespace } },
    };
    const [owner, component, database] = part("BusinessApp", "erp", "main");
    assert.ok(owner && component && database);
    const made = {
      ...database,
      type: "kubernetes:postgresql.cnpg.io/v1:Database",
      inputs: { metadata: { namespace } },
    };
    assert.deepEqual(serverMoves([guard, owner, component, made], operated("cloudnativepg")), []);
    assert.deepEqual(serverMoves([guard, owner, component, made], operated("external")), [
      { part: "apps.erp", from: "main (cloudnativepg)", to: "main" },
    ]);
    assert.deepEqual(serverMoves([owner, component, database], operated("cloudnativepg")), [
      { part: "apps.erp", from: "main", to: "main (cloudnativepg)" },
    ]);
  });

  it("is refused with what to do", () => {
    refuseServerMoves(state, planOf("main"));
    assert.throws(
      () => refuseServerMoves(state, planOf("own")),
      (error: unknown) =>
        error instanceof UserError &&
        /nothing was touched/.test(error.message) &&
        / {2}apps\.crm: from server main to own/.test(error.message) &&
        /entry\.database\.server: main/.test(error.message),
    );
  });
});
