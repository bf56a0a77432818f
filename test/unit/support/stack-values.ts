/** Random stack files that are valid, or nearly so. */
import fc from "fast-check";
import { readFleetSpec } from "../../../config/read";
import type { FleetSpec } from "../../../config/spec";

/** Ten thousand in CI, fewer where somebody waits. */
export const numRuns = process.env.CI === "true" ? 10_000 : 500;

type Values = Record<string, unknown>;
export interface StackValuesCase {
  readonly stack: string;
  readonly values: Values & { readonly apps: Record<string, Values> };
}

const reserved = [
  "entry",
  "main",
  "constructor",
  "y",
  "n",
  "yes",
  "no",
  "on",
  "off",
  "true",
  "false",
  "null",
];

/** Short keys, so that neighbours differ by little, and some long ones that get cut. */
export const key: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 5, arbitrary: fc.stringMatching(/^[a-z][a-z0-9-]{0,5}[a-z0-9]$/) },
    { weight: 1, arbitrary: fc.stringMatching(/^[a-z][a-z0-9-]{40,61}[a-z0-9]$/) },
  )
  .filter((name) => !reserved.includes(name));

export const stack: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("dev", "prod-eu", "pg", "Prod", "9lives", "a_b", "a-b"),
  fc.stringMatching(/^[A-Za-z0-9_.-]{1,100}$/),
);

const port = fc.integer({ min: 40000, max: 65000 });
const database = fc.record({ connectionLimit: fc.integer({ min: 6, max: 100 }) }, { requiredKeys: [] });
const common = {
  title: fc.stringMatching(/^[ -~]{1,20}$/),
  database,
  rootEmail: fc.constantFrom("a@example.com", "b@example.com"),
  passwordGeneration: fc.integer({ min: 1, max: 9 }),
  deletion: fc.constantFrom("protect", "backup", "retain", "delete"),
};
const ofProcess = {
  port,
  env: fc.dictionary(fc.constantFrom("TZ", "LOGGER_LEVEL", "INIT_APP_LANG"), fc.constantFrom("UTC", "x")),
  heapLimitMiB: fc.integer({ min: 256, max: 4096 }),
  resources: fc.record(
    { memory: fc.constantFrom("5Gi", "6000Mi", "8G"), cpu: fc.constantFrom(1, 0.5, "500m") },
    { requiredKeys: [] },
  ),
};
const instance = fc.record({ ...common, ...ofProcess }, { requiredKeys: [] });
const dedicatedApp = fc.record(
  {
    isolation: fc.constant("dedicated"),
    ...common,
    ...ofProcess,
    // Room for every number of replicas below.
    database: fc.record({ connectionLimit: fc.integer({ min: 60, max: 100 }) }, { requiredKeys: [] }),
    replicas: fc.integer({ min: 1, max: 6 }),
    state: fc.constantFrom("running", "stopped"),
  },
  { requiredKeys: ["isolation"] },
);
const sharedApp = (environments: readonly string[]) =>
  fc.record(
    {
      ...common,
      ...(environments.length > 0 ? { environment: fc.constantFrom(...environments) } : {}),
      state: fc.constantFrom("running", "stopped", "operator"),
      startMode: fc.constantFrom("auto", "lazy"),
    },
    { requiredKeys: [] },
  );

/** An app that fits a fleet with these environments. */
export function appValues(environments: readonly string[]): fc.Arbitrary<Values> {
  return fc.oneof(sharedApp(environments), dedicatedApp);
}

/** A stack name and values that are valid but for ports that happen to meet. */
export const stackValues: fc.Arbitrary<StackValuesCase> = fc
  .tuple(stack, fc.uniqueArray(key, { maxLength: 10 }), fc.nat(10))
  .chain(([name, keys, split]) => {
    const environments = keys.slice(0, Math.min(split, 3));
    const apps = keys.slice(environments.length);
    return fc.record({
      stack: fc.constant(name),
      values: fc.record({
        deletion: common.deletion,
        gateway: fc.record({ domain: fc.constantFrom("localhost", "apps.example.com") }),
        databaseServers: fc.constantFrom(
          { main: { kind: "managed" } },
          { db: { kind: "managed", port: 5433 } },
        ),
        entry: instance,
        environments: fc.record(Object.fromEntries(environments.map((each) => [each, instance]))),
        apps: fc.tuple(...apps.map(() => appValues(environments))).map((list) =>
          Object.fromEntries(
            list.map((app, index) => {
              const own = apps[index]!;
              return [own, index % 3 === 0 ? { ...app, domains: [`${own}.custom.example`] } : app];
            }),
          ),
        ),
      }),
    });
  });

/** The spec of these values; a run whose ports happen to meet is skipped. */
export function specOf(stackName: string, values: unknown): FleetSpec {
  const { spec, faults } = readFleetSpec({ stack: stackName, values });
  const clashes = faults?.every(
    ({ path, problem }) => path.endsWith(".port") && problem.includes("the port"),
  );
  if (faults && !clashes) throw new Error(JSON.stringify(faults, undefined, 2));
  fc.pre(spec !== undefined);
  return spec;
}

/** The same data with the keys of every map in another order. */
export function shuffled<Value>(value: Value, random: () => number): Value {
  if (Array.isArray(value)) return value.map((inner: unknown) => shuffled(inner, random)) as Value;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]): [number, string, unknown] => [
    random(),
    name,
    shuffled(inner as unknown, random),
  ]);
  entries.sort(([a], [b]) => a - b);
  return Object.fromEntries(entries.map(([, name, inner]) => [name, inner])) as Value;
}
