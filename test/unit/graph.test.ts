import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { drawFleet } from "../../cli/graph/drawing";
import { mermaidOf } from "../../cli/graph/mermaid";
import { svgOf } from "../../cli/graph/svg";
import { changePicture } from "../../cli/preview/picture";
import { kinds } from "../../cli/preview/effects";
import { parseStackFile } from "../../config/stack-file";
import type { FleetSpec } from "../../config/spec";
import { installLocked } from "../../providers/local/support/npm";
import { PROJECT_DIR } from "../../toolchain/locations";
import { skipBecause } from "../support/skip";

function spec(stack: string, text: string): FleetSpec {
  const { spec: read, faults } = parseStackFile({ text, file: `Pulumi.${stack}.yaml`, stack });
  assert.ok(read, JSON.stringify(faults));
  return read;
}

const example = (stack: string) =>
  spec(stack, readFileSync(join(PROJECT_DIR, `Pulumi.${stack}.yaml`), "utf8"));
const tenant = (stack: string, apps: string) =>
  spec(stack, `config:\n  nocobase-fleet:platformStack: platform\n  nocobase-fleet:apps: ${apps}\n`);

describe("fleet graph", () => {
  const specs = ["globex", "dev", "platform", "acme"].map(example);
  specs.push(
    tenant(
      "initech",
      "{ erp: { isolation: dedicated, replicas: 3, state: stopped, database: { server: main } } }",
    ),
  );

  it("puts a tenant's shared app where it runs, and its dedicated one in a stack of its own", () => {
    const { stacks } = drawFleet(specs);
    assert.deepEqual(
      stacks.map(({ name }) => name),
      ["dev", "platform", "acme", "globex", "initech"],
    );
    const platform = stacks.find(({ name }) => name === "platform");
    const blue = platform?.hosts.find(({ label }) => label === "environment blue");
    assert.ok(blue);
    assert.deepEqual(
      blue.apps.map(({ key, tenant }) => `${tenant ?? ""} ${key}`),
      ["acme crm", "globex crm"],
    );
    assert.deepEqual(blue.servers, ["platform/server/main"]);
    const servers = stacks.flatMap(({ hosts }) =>
      hosts.filter(({ kind }) => kind === "dedicated").map(({ id, servers }) => [id, ...servers]),
    );
    assert.deepEqual(servers, [
      ["dev/app/erp", "dev/server/main"],
      ["globex/app/erp", "globex/server/own"],
      ["initech/app/erp", "platform/server/main"],
    ]);
  });

  it("draws an SVG that names everything, and no text as markup", () => {
    const svg = svgOf(drawFleet(specs));
    for (const words of [
      "acme · crm",
      "globex, tenant of platform",
      "dedicated, 3 replicas, stopped",
      "own",
    ]) {
      assert.ok(svg.includes(`>${words}<`), words);
    }
    assert.doesNotMatch(svg, />acme, tenant/, "whose apps are all shared");
    assert.equal(svg.match(/<rect class="stack"/g)?.length, 4);
    // One line from a gateway to each process, one from each process to its server.
    assert.equal(svg.match(/<path class="line"/g)?.length, 14);
    assert.doesNotMatch(svg, /NaN|undefined/);
  });

  it("stays readable with three hundred tenants", () => {
    const many = Array.from({ length: 300 }, (_, index) =>
      tenant(`tenant-${index}`, "{ crm: { environment: blue } }"),
    );
    const drawing = drawFleet([example("platform"), ...many]);
    assert.match(svgOf(drawing), />… 271 more</);
    const [, height] = /viewBox="0 0 \d+ (\d+)"/.exec(svgOf(drawing)) ?? [];
    assert.ok(Number(height) < 1000, height);
    assert.match(mermaidOf(drawing), /… 276 more/);
    assert.ok(mermaidOf(drawing).length < 5000);
  });

  describe("in Mermaid", function () {
    this.timeout(5 * 60_000);
    const folder = join(PROJECT_DIR, "test/tools/mermaid");
    const parseAll = (...texts: string[]) =>
      spawnSync(process.execPath, ["parse.mjs"], {
        cwd: folder,
        input: JSON.stringify(texts),
        encoding: "utf8",
      });

    before(async function () {
      if (existsSync(join(folder, "node_modules", "mermaid"))) return;
      await installLocked(folder, "Mermaid").catch((error: unknown) => skipBecause(this, String(error)));
    });

    it("is what Mermaid's own parser takes, whatever names are in it", () => {
      const strange = tenant(
        "end",
        '{ graph: { environment: blue, title: "a\\"]b" }, class: { isolation: dedicated } }',
      );
      const drawings = [specs, [example("platform"), strange]].map((each) => mermaidOf(drawFleet(each)));
      const change = changePicture(
        [
          {
            ...{ stack: "acme", platformStack: "platform", ok: true, changes: {}, steps: [], violations: [] },
            effects: kinds.map((kind) => ({ kind, part: "app", key: `end-${kind}`, detail: "1 → 3" })),
            seconds: 1,
          },
        ],
        6000,
      );
      const [, changed = ""] = /```mermaid\n([^]*?)```/.exec(change) ?? [];
      const { status, stderr } = parseAll(...drawings, changed);
      assert.equal(status, 0, stderr);
    });

    it("would not be taken with a fault", () => {
      const { status, stderr } = parseAll("flowchart LR\n  a[b --> c\n");
      assert.equal(status, 1);
      assert.match(stderr, /Parse error/);
    });
  });
});
