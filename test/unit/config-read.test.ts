import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { valuesFromConfigMap } from "../../config/config-map";
import { faultsToJson, formatFaults } from "../../config/faults";
import { readPulumiConfig, StackConfigError } from "../../config/pulumi";
import { readFleetSpec } from "../../config/read";
import { topLevelKeys } from "../../config/schema/stack";
import { parseStackFile } from "../../config/stack-file";
import { numRuns, stackValues } from "./support/stack-values";

const read = (values: unknown) => readFleetSpec({ stack: "dev", values });

/** Replaces one value somewhere in the data by another. */
function mutated(value: unknown, path: readonly number[], replacement: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof value !== "object" || value === null) return replacement;
  const entries: [string, unknown][] = Object.entries(value);
  const index = entries.length === 0 ? 0 : step % entries.length;
  const changed = entries.map(([name, inner], at): [string, unknown] => [
    name,
    at === index ? mutated(inner, rest, replacement) : inner,
  ]);
  return Array.isArray(value) ? changed.map(([, inner]) => inner) : Object.fromEntries(changed);
}

describe("readFleetSpec", function () {
  this.timeout(600_000);

  it("fills in every default", () => {
    const { spec } = read({});
    assert.deepEqual(spec, {
      stack: "dev",
      platformStack: undefined,
      platform: "local",
      images: { source: "official", names: {} },
      kubernetes: {
        ingress: { controllerNamespace: "ingress-nginx", annotations: {} },
        egress: [],
      },
      supervisor: undefined,
      topology: undefined,
      licenses: [],
      registries: {},
      gateway: { host: "127.0.0.1", port: 13000, domain: "localhost", uploadLimitMiB: 1024 },
      databaseServers: { main: { kind: "managed", maxConnections: 300 } },
      entry: {
        title: "Entry app",
        database: { server: "main", connectionLimit: 60 },
        rootEmail: "admin@example.com",
        passwordGeneration: 1,
        deletion: "protect",
        release: "2.2.15",
        port: undefined,
        env: {},
        secretEnv: [],
        heapLimitMiB: undefined,
        resources: {},
        replicas: 1,
        placement: {
          nodeSelector: {},
          preferredNodes: {},
          tolerations: [],
          storage: { size: "10Gi", accessMode: "ReadWriteOnce" },
        },
      },
      environments: {},
      apps: {},
    });
  });

  it("never throws on anything, and always gives either a spec or faults", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
    });
    const values = fc.oneof(
      anything,
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom(...topLevelKeys), anything),
    );
    fc.assert(
      fc.property(values, (given) => {
        const result = read(given);
        assert.equal(result.spec === undefined, result.faults !== undefined);
        if (result.faults) assert.ok(formatFaults(result.faults).length > 0);
      }),
      { numRuns },
    );
  });

  it("never throws on a valid stack file with one value replaced", () => {
    const replacement = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(null, undefined, NaN, "", "main", "constructor", "__proto__", 0, -1, 65536, [], {}, [
        null,
      ]),
    );
    fc.assert(
      fc.property(stackValues, fc.array(fc.nat(20), { maxLength: 5 }), replacement, (given, path, value) => {
        const { faults } = read(mutated(given.values, path, value));
        for (const fault of faults ?? []) {
          assert.match(fault.path, /^nocobase-fleet/);
          assert.ok(fault.problem.length > 0 && fault.fix.length > 0);
        }
      }),
      { numRuns },
    );
  });

  it("survives cycles", () => {
    const apps: Record<string, unknown> = {};
    apps.crm = { env: apps };
    assert.ok(read({ apps }).faults);
  });

  it("leaves what it is given unchanged", () => {
    fc.assert(
      fc.property(
        stackValues,
        fc.array(fc.nat(20), { maxLength: 4 }),
        fc.jsonValue(),
        (given, path, value) => {
          const values = mutated(given.values, path, value);
          const before = JSON.stringify(values);
          read(values);
          assert.equal(JSON.stringify(values), before);
        },
      ),
      { numRuns: Math.min(numRuns, 1000) },
    );
  });

  it("refuses a release that only another machine could install", () => {
    const { faults } = readFleetSpec({ stack: "dev", values: {}, releases: [] });
    assert.equal(faults, undefined, "the default release is this program's own affair");
    const named = readFleetSpec({ stack: "dev", values: { release: { version: "2.2.15" } }, releases: [] });
    assert.deepEqual(
      named.faults?.map(({ path }) => path),
      ["nocobase-fleet:release.version"],
    );
  });

  it("never shows what may be a secret", () => {
    const hidden = "correct-horse";
    const { faults } = read({
      databaseServers: { main: { kind: "managed", adminPassword: hidden, nested: { token: hidden } } },
      databaseServerPasswords: { main: hidden },
      entry: { env: { SMTP_PASSWORD: hidden, URL: `https://me:${hidden}@example.com` } },
      secretEnv: { entry: { A: hidden } },
      unknown: { apiKey: hidden },
    });
    assert.equal(faults?.length, 7);
    assert.ok(!faultsToJson(faults).includes(hidden));
    assert.ok(!formatFaults(faults).includes(hidden));
  });
});

describe("Pulumi's configuration", () => {
  const secret = new Set(["nocobase-fleet:databaseServerPasswords", "nocobase-fleet:secretEnv"]);
  const isSecret = (key: string) => secret.has(key);

  it("becomes values without secrets", () => {
    const values = valuesFromConfigMap(
      {
        "aws:region": "eu",
        "nocobase-fleet:deletion": "backup",
        "nocobase-fleet:apps": '{"crm":{"title":"CRM"}}',
        "nocobase-fleet:databaseServerPasswords": '{"main":"hunter2"}',
        "nocobase-fleet:secretEnv": '{"entry":{"SMTP_PASSWORD":"hunter2"}}',
      },
      isSecret,
    );
    assert.deepEqual(
      { ...values },
      {
        deletion: "backup",
        apps: { crm: { title: "CRM" } },
        databaseServerPasswords: { main: { secure: "[secret]" } },
        secretEnv: { entry: { SMTP_PASSWORD: { secure: "[secret]" } } },
      },
    );
  });

  it("is refused where a plain key holds a secret, a secret key a plain value, a map no map", () => {
    const values = valuesFromConfigMap(
      {
        "nocobase-fleet:entry": '{"title":"hunter2"}',
        "nocobase-fleet:environments": "blue",
        "nocobase-fleet:secretEnv": '{"entry":{"A":"hunter2"}}',
      },
      (key) => key === "nocobase-fleet:entry",
    );
    const { faults } = read(values);
    assert.deepEqual(
      faults?.map(({ path, problem }) => [path, problem.split(",")[0]]),
      [
        ["nocobase-fleet:entry", "is a secret"],
        ["nocobase-fleet:environments", "is text"],
        ["nocobase-fleet:secretEnv.entry.A", "is text"],
      ],
    );
    assert.ok(!faultsToJson(faults).includes("hunter2"));
  });

  it("gives the program a plain spec and secret outputs", async () => {
    pulumi.runtime.setAllConfig(
      {
        "nocobase-fleet:databaseServers": '{"main":{"kind":"external","host":"db.example.com"}}',
        "nocobase-fleet:databaseServerPasswords": '{"main":"hunter2"}',
        "nocobase-fleet:secretEnv": '{"entry":{"SMTP_PASSWORD":"hunter3"}}',
      },
      [...secret],
    );
    const { spec, secrets } = readPulumiConfig("dev");
    assert.deepEqual(spec.entry.secretEnv, ["SMTP_PASSWORD"]);
    assert.ok(!/hunter/.test(JSON.stringify(spec)));
    const outputs = [secrets.databaseServerPasswords.main!, secrets.secretEnv.entry!.SMTP_PASSWORD!];
    assert.deepEqual(await Promise.all(outputs.map((output) => pulumi.isSecret(output))), [true, true]);
    assert.deepEqual(await promised(pulumi.all(outputs)), ["hunter2", "hunter3"]);
  });

  it("throws every fault as one error that Pulumi prints without a stack trace", () => {
    pulumi.runtime.setAllConfig({ "nocobase-fleet:topology": "hybrid", "nocobase-fleet:deletion": "x" });
    assert.throws(
      () => readPulumiConfig("dev"),
      (error: unknown) => {
        assert.ok(error instanceof StackConfigError && pulumi.RunError.isInstance(error));
        assert.equal(error.faults.length, 2);
        assert.match(error.message, /^the configuration of stack dev has 2 faults:\n/);
        return true;
      },
    );
  });

  after(() => pulumi.runtime.setAllConfig({}));
});

describe("a stack file's text", () => {
  const parse = (text: string) => parseStackFile({ text, file: "Pulumi.dev.yaml", stack: "dev" });

  it("may be empty, have short keys, other packages' keys, aliases and merges", () => {
    for (const text of ["", "config: {}\n", "encryptionsalt: v1:x\n"]) assert.ok(parse(text).spec, text);
    const { spec, faults } = parse(`config:
  aws:region: eu
  rootEmail: ops@example.com
  nocobase-fleet:apps:
    crm: &small
      database: { connectionLimit: 7 }
    shop:
      <<: *small
      title: Shop
`);
    assert.equal(faults, undefined);
    assert.equal(spec.apps.shop!.database.connectionLimit, 7);
    assert.equal(spec.entry.rootEmail, "ops@example.com");
  });

  it("never makes the reader throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({
            unit: fc.constantFrom("a", ":", " ", "\n", "-", "{", "}", "&", "*", "!", "'", "config:"),
          }),
        ),
        (text) => {
          const { spec, faults } = parse(text);
          assert.equal(spec === undefined, faults !== undefined);
        },
      ),
      { numRuns: Math.min(numRuns, 2000) },
    );
  });

  it("refuses aliases that grow without end", () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) => `  k${level}: &k${level} [${`*k${level - 1},`.repeat(9)}]`,
    );
    levels[0] = "  k0: &k0 [x]";
    const { faults } = parse(`config:\n${levels.join("\n")}\n`);
    assert.match(faults![0]!.problem, /aliases/);
  });
});

function promised(output: pulumi.Output<string[]>): Promise<string[]> {
  return new Promise((resolve) => output.apply((value) => resolve(value)));
}
