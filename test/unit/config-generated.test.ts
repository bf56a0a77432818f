import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { generatedFiles, staleFiles } from "../../config/generate/main";
import { readStackFile } from "../../config/stack-file";
import { planFleet } from "../../plan/fleet";
import { badShapes } from "./bad-stack-files/shape";

const project = join(__dirname, "..", "..");
const schemaFile = join(project, "config", "schema.json");

function editorAccepts(text: string): boolean {
  const schema = JSON.parse(readFileSync(schemaFile, "utf8")) as z.core.JSONSchema.JSONSchema;
  return z.fromJSONSchema(schema).safeParse(parse(text)).success;
}

describe("what is generated from the schema", () => {
  it("is current; else run npm run generate", () => {
    assert.deepEqual(staleFiles(), []);
    assert.equal(generatedFiles().size, 2);
  });

  it("explains every key of the stack file on the reference page", () => {
    const page = readFileSync(join(project, "docs", "configuration.md"), "utf8");
    const schema = JSON.parse(readFileSync(schemaFile, "utf8")) as {
      properties: { config: { properties: Record<string, { description?: string }> } };
    };
    const properties = Object.entries(schema.properties.config.properties);
    assert.ok(properties.length >= 12);
    for (const [name, { description }] of properties) {
      assert.ok(description, name);
      assert.ok(page.includes(`| \`${name.replace("nocobase-fleet:", "")}\` |`), name);
    }
  });
});

describe("the stack files", () => {
  const expected = {
    dev: { topology: "hybrid", apps: ["crm", "erp", "support"], environments: ["blue"] },
    single: { topology: "single", apps: [], environments: [] },
    shared: { topology: "shared", apps: ["crm", "support"], environments: [] },
    platform: { topology: "hybrid", apps: [], environments: ["blue"] },
  };
  for (const [stack, { topology, apps, environments }] of Object.entries(expected)) {
    const file = join(project, `Pulumi.${stack}.yaml`);

    it(`Pulumi.${stack}.yaml is valid to editors and to the reader`, () => {
      const text = readFileSync(file, "utf8");
      assert.ok(text.startsWith("# yaml-language-server: $schema=config/schema.json\n"));
      assert.ok(editorAccepts(text));
      const { spec, faults } = readStackFile(file);
      assert.equal(faults, undefined, JSON.stringify(faults));
      const plan = planFleet(spec);
      assert.equal(plan.topology, topology);
      assert.equal(spec.topology ?? topology, topology);
      assert.deepEqual(Object.keys(plan.apps), apps);
      assert.deepEqual(Object.keys(plan.environments), environments);
      for (const each of [plan.entry, ...Object.values(plan.environments), ...Object.values(plan.apps)]) {
        assert.equal(each.deletion, "backup");
      }
    });
  }

  for (const [stack, apps] of Object.entries({ acme: ["crm"], globex: ["crm", "erp"] })) {
    it(`Pulumi.${stack}.yaml is valid to editors and to the reader, on what Pulumi.platform.yaml declares`, () => {
      const file = join(project, `Pulumi.${stack}.yaml`);
      assert.ok(editorAccepts(readFileSync(file, "utf8")));
      const { spec, faults } = readStackFile(file);
      assert.equal(faults, undefined, JSON.stringify(faults));
      assert.equal(spec.platformStack, "platform");
      assert.deepEqual(Object.keys(spec.apps), apps);
      const { environments } = readStackFile(join(project, "Pulumi.platform.yaml")).spec!;
      for (const app of Object.values(spec.apps)) {
        if (app.isolation === "shared") assert.ok(Object.hasOwn(environments, app.host));
      }
    });
  }

  it("can run side by side: no port is used twice", () => {
    const ports = Object.keys(expected).flatMap((stack) => {
      const plan = planFleet(readStackFile(join(project, `Pulumi.${stack}.yaml`)).spec!);
      const instances = [
        ...Object.values(plan.environments),
        ...Object.values(plan.apps).flatMap((app) => app.instance ?? []),
      ];
      return [plan.gateway, plan.entry, ...instances, ...Object.values(plan.databaseServers)].map(
        ({ port }) => port,
      );
    });
    assert.equal(new Set(ports).size, ports.length);
  });

  it("that are wrong in form are wrong to editors, too, where a schema can tell", () => {
    // What only the reader can know: YAML itself, secrets, other namespaces, names of JavaScript.
    const readerOnly =
      /YAML|tab|namespace|twice|date|zero|secret in a plain|prototype|list instead|beside config/;
    const checked = badShapes.filter(({ name }) => !readerOnly.test(name));
    assert.ok(checked.length >= 20);
    for (const { name, yaml } of checked) assert.equal(editorAccepts(yaml), false, name);
  });
});
