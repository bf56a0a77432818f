/** Turns the schema library's issues into faults, and takes the faulty parts out so that the rest can be checked too. */
import { z } from "zod";
import { fault, type Fault, type Segment } from "./faults";
import { isMap, type Plain } from "./plain";
import { fieldDocs, type FieldDoc } from "./schema/fields";
import { secretKeys, stackSchema, type StackValues } from "./schema/stack";
import { listed, suggest } from "./suggest";

export interface ParsedValues {
  readonly values: StackValues;
  /** The values as they were given, for the rules that ask what is declared. */
  readonly given: Readonly<Record<string, Plain>>;
  readonly faults: readonly Fault[];
  /** Places (JSON of their segments) whose value was faulty and is missing from `values`. */
  readonly broken: ReadonlySet<string>;
}

/** Names that people expect in a place that has another one for them. */
const hints: Readonly<Record<string, string>> = {
  adminPassword:
    "set it with `pulumi config set --secret --path nocobase-fleet:databaseServerPasswords.<server>`",
  password: "passwords are generated; an external server's goes to nocobase-fleet:databaseServerPasswords",
  databaseServer: "write database: { server: … }",
  replicas:
    "remove it: an environment is one process, since NocoBase's multi-app manager can't share its apps with another; declare a second environment and place apps there, or give an app isolation: dedicated",
  host: "only an external server has an address; write kind: external",
};

/**
 * Parses the values and reports every fault of form at once.
 *
 * @param missing places whose values were refused before and are missing from `given`
 */
export function parseValues(
  given: Record<string, Plain>,
  missing: Iterable<readonly Segment[]> = [],
): ParsedValues {
  const faults: Fault[] = [];
  const broken = new Set([...missing].map(placeOf));
  // Taking a part out may uncover a missing one above it, hence the rounds.
  let values = given;
  for (let round = 0; round < 5; round++) {
    const result = stackSchema.safeParse(values);
    if (result.success) return { values: result.data, given, faults, broken };
    if (round === 0) values = structuredClone(given);
    const issues = result.error.issues.flatMap((issue) => [issue, ...insideWrongKey(issue, values)]);
    const reported = new Set(broken);
    for (const issue of issues) {
      for (const found of issueFaults(issue, values)) {
        if (!isBroken(reported, found.at)) faults.push(found);
      }
    }
    for (const issue of issues) for (const at of placesOf(issue)) removeAt(values, at, broken, reported);
    dropHoles(values);
  }
  return { values: stackSchema.parse({}), given, faults, broken };
}

/** True where this place, or one that holds it, was faulty. */
export function isBroken(broken: ReadonlySet<string>, at: readonly Segment[]): boolean {
  if (broken.size === 0) return false;
  return at.some((_, index) => broken.has(placeOf(at.slice(0, index + 1))));
}

function placeOf(at: readonly Segment[]): string {
  return JSON.stringify(at);
}

function placesOf(issue: z.core.$ZodIssue): Segment[][] {
  const at = issue.path as Segment[];
  return issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...at, key]) : [at];
}

/** The library doesn't look at a value whose key is wrong; its faults are wanted all the same. */
function insideWrongKey(issue: z.core.$ZodIssue, values: Plain): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_key") return [];
  const at = issue.path as Segment[];
  const record = bare(schemaAt(at.slice(0, -1), values));
  if (!(record instanceof z.core.$ZodRecord)) return [];
  const result = z.safeParse(record._zod.def.valueType, valueAt(values, at));
  return result.success
    ? []
    : result.error.issues.map((inner) => ({ ...inner, path: [...at, ...inner.path] }));
}

function issueFaults(issue: z.core.$ZodIssue, values: Plain): Fault[] {
  const at = issue.path as Segment[];
  const name = String(at.at(-1) ?? "");
  const value = valueAt(values, at);
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(shapeAt(at, values) ?? {});
    return issue.keys.map((key) => unknownKey([...at, key], valueAt(values, [...at, key]), known));
  }
  if (issue.code === "invalid_key") {
    const record = bare(schemaAt(at.slice(0, -1), values));
    const doc = record instanceof z.core.$ZodRecord ? fieldDocs.get(record._zod.def.keyType) : undefined;
    return [
      fault(at, {
        problem: `"${name}" can't be a key here`,
        allowed: doc?.allowed,
        fix: `rename it${proposal(name)}`,
      }),
    ];
  }
  const doc = docAt(at, values);
  if (value === undefined) {
    const fix = example(doc) ? `add ${name}: ${example(doc)}` : `add ${name}`;
    return [fault(at, { problem: "is missing", allowed: doc?.allowed, fix })];
  }
  return [
    fault(at, {
      value,
      problem: problemOf(issue, value),
      allowed: doc?.allowed,
      fix: fixOf(issue, value, name, doc),
    }),
  ];
}

function unknownKey(at: Segment[], value: unknown, known: readonly string[]): Fault {
  const name = String(at.at(-1));
  const meant = suggest(name, known);
  const hint = Object.hasOwn(hints, name) ? hints[name] : undefined;
  return fault(at, {
    value,
    problem: "is not a key that is known here",
    allowed: listed(known),
    fix: meant ? `did you mean "${meant}"?` : (hint ?? "remove it"),
  });
}

function problemOf(issue: z.core.$ZodIssue, value: Plain): string {
  if (value === null) return "is empty";
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "int"
        ? "is not a whole number"
        : `is ${kindOf(value)}, not ${wanted(issue.expected)}`;
    case "too_small":
      return issue.origin === "string" ? "is too short" : "is too small";
    case "too_big":
      return issue.origin === "string"
        ? "is too long"
        : issue.origin === "array"
          ? "has too many items"
          : "is too large";
    case "invalid_format":
      return "has a form that is not allowed";
    default:
      return "is not allowed here";
  }
}

function fixOf(issue: z.core.$ZodIssue, value: Plain, name: string, doc: FieldDoc | undefined): string {
  const expected = issue.code === "invalid_type" ? issue.expected : undefined;
  if (value === null) {
    return expected === "object" || expected === "record"
      ? `write ${name}: ${example(doc) ?? "{}"} or remove it`
      : "give it a value or remove it";
  }
  if (secretKeys.has(String(issue.path[0]))) {
    return "never write a secret in plain text: set it with `pulumi config set --secret --path`";
  }
  if (expected === "string" && (typeof value === "number" || typeof value === "boolean")) {
    return `put it in quotes: "${value}"`;
  }
  if ((expected === "number" || expected === "int") && typeof value === "string" && /^\d+$/.test(value)) {
    return `write it without quotes: ${value}`;
  }
  if (expected === "boolean" && (value === "true" || value === "false"))
    return `write it without quotes: ${value}`;
  const options = optionsOf(issue);
  const meant = typeof value === "string" && options ? suggest(value, options.map(String)) : undefined;
  if (meant) return `did you mean "${meant}"?`;
  return example(doc) ? `write for example ${name}: ${example(doc)}` : "write an allowed value or remove it";
}

function optionsOf(issue: z.core.$ZodIssue): readonly unknown[] | undefined {
  if (issue.code === "invalid_value") return issue.values;
  return issue.code === "invalid_union" && "options" in issue ? issue.options : undefined;
}

function proposal(name: string): string {
  const folded = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  return folded !== "" && folded !== name ? `, e.g. ${folded.slice(0, 63)}` : "";
}

function example(doc: FieldDoc | undefined): string | undefined {
  const first = doc?.examples?.[0];
  return first === undefined ? undefined : JSON.stringify(first);
}

function kindOf(value: Plain): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return typeof value === "string" ? "text" : typeof value === "number" ? "a number" : "true/false";
}

function wanted(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    string: "text",
    number: "a number",
    boolean: "true/false",
    object: "a map",
    record: "a map",
    array: "a list",
  };
  return names[expected] ?? expected;
}

/** The schema without its optional and default wrappers. */
export function bare(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  let inner = schema;
  while (
    inner instanceof z.core.$ZodOptional ||
    inner instanceof z.core.$ZodDefault ||
    inner instanceof z.core.$ZodPrefault
  ) {
    inner = inner._zod.def.innerType;
  }
  return inner;
}

function schemaAt(at: readonly Segment[], values: Plain): z.core.$ZodType | undefined {
  let schema: z.core.$ZodType | undefined = stackSchema;
  for (const [depth, segment] of at.entries()) {
    const inner = bare(schema);
    if (inner instanceof z.core.$ZodRecord) schema = inner._zod.def.valueType;
    else if (inner instanceof z.core.$ZodArray) schema = inner._zod.def.element;
    else schema = shapeOf(inner, valueAt(values, at.slice(0, depth)))?.[segment];
  }
  return schema;
}

function shapeAt(at: readonly Segment[], values: Plain) {
  return shapeOf(bare(schemaAt(at, values)), valueAt(values, at));
}

type Shape = Readonly<Record<string, z.core.$ZodType>>;

/** Fields of a map; of a union, those of the variant that the value's `kind` names, else of the first. */
function shapeOf(schema: z.core.$ZodType | undefined, value: Plain | undefined): Shape | undefined {
  if (schema instanceof z.core.$ZodObject) return schema._zod.def.shape;
  if (!(schema instanceof z.core.$ZodUnion)) return undefined;
  const shapes = schema._zod.def.options.flatMap((option) =>
    option instanceof z.core.$ZodObject ? [option._zod.def.shape as Shape] : [],
  );
  const kind = isMap(value) ? value.kind : undefined;
  return shapes.find((shape) => shape.kind && z.safeParse(shape.kind, kind).success) ?? shapes[0];
}

function docAt(at: readonly Segment[], values: Plain): FieldDoc | undefined {
  const schema = schemaAt(at, values);
  const own = schema && fieldDocs.get(schema);
  return own ?? (schema && fieldDocs.get(bare(schema) ?? schema));
}

function valueAt(values: Plain, at: readonly Segment[]): Plain | undefined {
  let value: Plain | undefined = values;
  for (const segment of at) {
    if (Array.isArray(value)) value = value[Number(segment)];
    else if (isMap(value) && Object.hasOwn(value, segment)) value = value[segment];
    else return undefined;
  }
  return value;
}

/** Removes the value at this place; where none stands there, what lacks it. */
function removeAt(
  values: Record<string, Plain>,
  at: readonly Segment[],
  broken: Set<string>,
  brokenBefore: ReadonlySet<string>,
): void {
  // What holds it went in this round already; one that went before is asked for again, so its holder must go.
  if (isBroken(broken, at) && !isBroken(brokenBefore, at)) return;
  broken.add(placeOf(at));
  let depth = at.length;
  while (depth > 1 && valueAt(values, at.slice(0, depth)) === undefined) depth--;
  const place = at.slice(0, depth);
  const parent = valueAt(values, place.slice(0, -1));
  const last = place.at(-1);
  if (last === undefined || parent === undefined || parent === null) return;
  broken.add(placeOf(place));
  if (typeof parent === "object") Reflect.deleteProperty(parent, last);
}

/** Closes the gaps that removed list items left; only now, so that the other items kept their places. */
function dropHoles(value: Plain): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (Array.isArray(inner)) Reflect.set(value, name, Object.values(inner));
    dropHoles(inner);
  }
}
