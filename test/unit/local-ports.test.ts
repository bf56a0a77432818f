import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { instanceName, tenantAppName } from "../../plan/names";
import { derivedPort, derivedPorts } from "../../plan/ports";
import type { Context } from "../../providers/kit/types";
import { portClashes } from "../../providers/local/files/neighbours";
import { portFailures } from "../../providers/local/handlers/context";
import { UnitStore } from "../../providers/local/supervisor/store";

describe("ports of several stacks on one machine", () => {
  let folder: string;
  const rootOf = (stack: string) => join(folder, ".fleet", stack);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ports-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  function run(stack: string, name: string, port: number): void {
    const store = new UnitStore(rootOf(stack));
    store.prepare();
    store.save({
      ...{ name, kind: "nocobase", order: 20, command: "node", args: [], cwd: folder },
      health: {
        ...{ probe: { kind: "tcp", host: "127.0.0.1", port }, intervalMs: 1, timeoutMs: 1 },
        ...{ failures: 1, startTimeoutMs: 1 },
      },
      ...{ stop: { signal: "SIGTERM", graceMs: 1 }, desired: "running", revision: "", held: false },
    });
  }

  it("are told apart among three hundred tenants: each that would clash, and with whom", () => {
    const owners = new Map<number, string>();
    let clashes = 0;
    for (let index = 0; index < 300; index++) {
      const stack = `tenant-${index}`;
      const name = instanceName("app", tenantAppName(stack, "erp"));
      const port = derivedPort(stack, name);
      const found = portClashes(rootOf(stack), [port]).get(port);
      const owner = owners.get(port);
      if (owner === undefined) {
        assert.equal(found, undefined, stack);
        owners.set(port, stack);
        run(stack, name, port);
      } else {
        clashes++;
        assert.match(found ?? "", new RegExp(`is that of app-${owner}-erp of stack ${owner};`));
        assert.match(found ?? "", new RegExp(`in Pulumi\\.${stack}\\.yaml give this one`));
      }
    }
    assert.ok(clashes < 12, `${clashes} of 300: far more than chance`);
  });

  it("lie where no client's own port does, whatever the names", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (stack, name) => {
        const port = derivedPort(stack, name);
        assert.ok(port >= derivedPorts.first && port <= derivedPorts.last);
      }),
    );
  });

  it("fail a preview of what is new, never of what runs already", () => {
    run("globex", "app-globex-erp", 21000);
    const context = { config: { root: rootOf("acme") } } as unknown as Pick<Context, "config">;
    assert.deepEqual(
      portFailures([21000], [], context).map(({ property }) => property),
      ["port"],
    );
    assert.deepEqual(portFailures([21000], [21000], context), []);
    assert.deepEqual(portFailures([21001, undefined], [], context), []);
    const own = { config: { root: rootOf("globex") } } as unknown as Pick<Context, "config">;
    assert.deepEqual(portFailures([21000], [], own), []);
  });
});
