import assert from "node:assert/strict";
import fc from "fast-check";
import { editStackFile, RequestError } from "../../cli/requests/edit";
import { parseStackFile } from "../../config/stack-file";
import type { FleetRequest } from "../../providers/nocobase/client";

const FILE = `# The fleet of the house.
config:
  nocobase-fleet:platform: local # no Docker here
  nocobase-fleet:databaseServers:
    main: { kind: managed }
  nocobase-fleet:environments:
    blue: {}
  nocobase-fleet:apps:
    # Sales.
    crm: { title: CRM, environment: blue }

    # Asked for by Ann; goes in spring.
    erp:
      isolation: dedicated # has its own release soon
`;

function request(values: Partial<FleetRequest>): FleetRequest {
  return {
    requestId: "6f1f2ea8-0000-4000-8000-000000000000",
    action: "create",
    app: "hr",
    title: null,
    isolation: "shared",
    environmentName: "blue",
    comment: null,
    requestedBy: "ann",
    requestedAt: "2026-01-01T00:00:00.000Z",
    state: "open",
    answer: null,
    ...values,
  };
}

function appsOf(text: string): Record<string, { isolation: string; title: string }> {
  const { spec, faults } = parseStackFile({ text, file: "Pulumi.dev.yaml", stack: "dev" });
  assert.equal(faults, undefined, JSON.stringify(faults));
  return spec.apps;
}

describe("a request as an edit of the stack file", () => {
  it("adds a shared and a dedicated app, and leaves every other line as it is", () => {
    const text = editStackFile(FILE, request({ title: "People" }));
    assert.equal(text, `${FILE}    hr:\n      title: People\n      environment: blue\n`);
    const more = editStackFile(text, request({ app: "shop", isolation: "dedicated", environmentName: null }));
    assert.equal(more, `${text}    shop:\n      isolation: dedicated\n`);
    assert.deepEqual(Object.keys(appsOf(more)).sort(), ["crm", "erp", "hr", "shop"]);
  });

  it("removes an app and keeps the others' comments", () => {
    const text = editStackFile(FILE, request({ action: "remove", app: "erp" }));
    assert.deepEqual(Object.keys(appsOf(text)), ["crm"]);
    for (const comment of ["# The fleet of the house.", "# no Docker here", "# Sales."])
      assert.ok(text.includes(comment), comment);
  });

  it("starts the apps of a file that has none, or an empty map of them", () => {
    for (const apps of ["", "  nocobase-fleet:apps: {}\n", "  nocobase-fleet:apps:\n"]) {
      const text = editStackFile(
        `config:\n  nocobase-fleet:environments: { blue: {} }\n${apps}`,
        request({ title: "HR" }),
      );
      assert.deepEqual(Object.keys(appsOf(text)), ["hr"], text);
    }
  });

  it("refuses what the file has already, or has no more", () => {
    assert.throws(() => editStackFile(FILE, request({ app: "crm" })), RequestError);
    assert.throws(() => editStackFile(FILE, request({ action: "remove" })), RequestError);
  });

  it("comes back to the same apps when what was added is removed, whatever is in its title", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 40 }), (title) => {
        const added = editStackFile(FILE, request({ title }));
        assert.equal(editStackFile(added, request({ action: "remove", app: "hr" })), FILE);
      }),
    );
  });
});
