import assert from "node:assert/strict";
import { faultsToJson, formatFaults, type Fault } from "../../config/faults";
import { parseStackFile } from "../../config/stack-file";
import { badDocker } from "./bad-stack-files/docker";
import { badCloudnativepg } from "./bad-stack-files/cloudnativepg";
import { badKubernetes } from "./bad-stack-files/kubernetes";
import { brokenKeys } from "./bad-stack-files/keys";
import { brokenNames } from "./bad-stack-files/names";
import { badReplicas } from "./bad-stack-files/replicas";
import { brokenRules } from "./bad-stack-files/rules";
import { badShapes } from "./bad-stack-files/shape";
import type { BadStackFile } from "./bad-stack-files/types";

const files = [
  ...badShapes,
  ...brokenRules,
  ...brokenNames,
  ...brokenKeys,
  ...badReplicas,
  ...badDocker,
  ...badKubernetes,
  ...badCloudnativepg,
];

function faultsOf(yaml: string): readonly Fault[] {
  return parseStackFile({ text: yaml, file: "Pulumi.dev.yaml", stack: "dev" }).faults ?? [];
}

describe(`${files.length} bad stack files`, () => {
  for (const { name, yaml, faults: expected } of files) {
    it(`refuses ${name}`, () => {
      const found = faultsOf(yaml);
      assert.deepEqual(found.map(({ path }) => path).sort(), expected.map(({ path }) => path).sort());
      for (const { path, says, line, hides } of expected) {
        const fault = found.find((each) => each.path === path)!;
        const text = formatFaults([fault], "the stack file");
        for (const phrase of says) assert.ok(text.includes(phrase), `no "${phrase}" in:\n${text}`);
        assert.equal(fault.file, "Pulumi.dev.yaml");
        assert.ok(fault.line! >= 1 && fault.line! <= yaml.split("\n").length);
        if (line !== undefined) assert.equal(fault.line, line, text);
        if (hides !== undefined) {
          assert.ok(!text.includes(hides), text);
          assert.ok(!faultsToJson(found).includes(hides));
        }
      }
    });
  }

  it("are at least 35, each with a name of its own", () => {
    assert.ok(files.length >= 35);
    assert.equal(new Set(files.map(({ name }: BadStackFile) => name)).size, files.length);
  });
});

describe("a stack file with many faults", () => {
  const yaml = `config:
  nocobase-fleet:platfrom: local
  nocobase-fleet:topology: duo
  nocobase-fleet:deletion: maybe
  nocobase-fleet:gateway: { port: "13000" }
  nocobase-fleet:databaseServers:
    main: { kind: managed, maxConnections: 5 }
  nocobase-fleet:entry: { title: 7, env: { DB_HOST: x } }
  nocobase-fleet:environments:
    blue: { databaseServer: main }
    main: {}
    Green: {}
  nocobase-fleet:apps:
    blue: {}
    crm: { environment: bleu, replicas: 2, domains: [a.example.com, A.example.com] }
    erp: { isolation: dedicated, port: 80, startMode: lazy, env: { API_TOKEN: x } }
    shop: { isolation: dedcated, database: { connectionLimit: 1.5, server: other } }
`;
  const expected: [path: string, line: number][] = [
    ["nocobase-fleet:platfrom", 2],
    ["nocobase-fleet:topology", 3],
    ["nocobase-fleet:deletion", 4],
    ["nocobase-fleet:gateway.port", 5],
    ["nocobase-fleet:databaseServers.main.maxConnections", 7],
    ["nocobase-fleet:entry.env.DB_HOST", 8],
    ["nocobase-fleet:entry.title", 8],
    ["nocobase-fleet:environments.blue.databaseServer", 10],
    ["nocobase-fleet:environments.main", 11],
    ["nocobase-fleet:environments.Green", 12],
    ["nocobase-fleet:apps.blue", 14],
    ["nocobase-fleet:apps.crm.domains[1]", 15],
    ["nocobase-fleet:apps.crm.environment", 15],
    ["nocobase-fleet:apps.crm.replicas", 15],
    ["nocobase-fleet:apps.erp.env.API_TOKEN", 16],
    ["nocobase-fleet:apps.erp.port", 16],
    ["nocobase-fleet:apps.erp.startMode", 16],
    ["nocobase-fleet:apps.shop.database.connectionLimit", 17],
    ["nocobase-fleet:apps.shop.database.server", 17],
    ["nocobase-fleet:apps.shop.isolation", 17],
  ];

  it("gets them all reported at once, in the order of its lines", () => {
    const found = faultsOf(yaml).map(({ path, line }) => [path, line]);
    assert.deepEqual(found, expected);
  });

  it("is explained in short lines and as JSON", () => {
    const found = faultsOf(yaml);
    const text = formatFaults(found, "Pulumi.dev.yaml");
    assert.ok(text.startsWith(`Pulumi.dev.yaml has ${expected.length} faults:\n`));
    assert.ok(text.includes("  nocobase-fleet:apps.crm.environment (Pulumi.dev.yaml:15:12)\n"), text);
    const json = JSON.parse(faultsToJson(found)) as Record<string, unknown>[];
    assert.deepEqual(
      json.find(({ path }) => path === "nocobase-fleet:gateway.port"),
      {
        path: "nocobase-fleet:gateway.port",
        value: '"13000"',
        problem: "is text, not a number",
        allowed: "a whole number from 1 to 65535",
        fix: "write it without quotes: 13000",
        file: "Pulumi.dev.yaml",
        line: 5,
        column: 29,
      },
    );
  });
});
