import type { Attribute, ResourceSpec } from "./attributes";

const PROPERTY_TYPES = {
  string: { type: "string" },
  integer: { type: "integer" },
  boolean: { type: "boolean" },
  list: { type: "array", items: { type: "string" } },
  set: { type: "array", items: { type: "string" } },
  map: { type: "object", additionalProperties: { type: "string" } },
} as const;

/** The part of the official package's Pulumi schema that the stand-in has, as JSON text. */
export function packageSchema(options: {
  name: string;
  version: string;
  resources: readonly ResourceSpec[];
  /** Provider configuration. */
  config?: Readonly<Record<string, Attribute>>;
}): string {
  const { name, version, config = {} } = options;
  const configProperties = properties(name, config, () => true);
  return JSON.stringify({
    name,
    version,
    description: `Stand-in for the official Pulumi ${name} plugin.`,
    meta: { moduleFormat: "(.*)(?:/[^/]*)" },
    config: { variables: configProperties },
    provider: { properties: configProperties, inputProperties: configProperties },
    resources: Object.fromEntries(options.resources.map((spec) => [spec.token, resourceSchema(name, spec)])),
    types: Object.fromEntries([
      ...objectTypes(name, config),
      ...options.resources.flatMap((spec) => objectTypes(name, spec.attributes)),
    ]),
  });
}

type Attributes = Readonly<Record<string, Attribute>>;

function typeToken(packageName: string, typeName = ""): string {
  return `${packageName}:index/${typeName}:${typeName}`;
}

/** Object types by token: those of the attributes, and those within them. */
function objectTypes(packageName: string, attributes: Attributes): [string, object][] {
  return Object.values(attributes).flatMap(({ fields, typeName, description }): [string, object][] =>
    fields
      ? [
          [
            typeToken(packageName, typeName),
            {
              type: "object",
              description,
              properties: properties(packageName, fields, () => true),
              required: keys(fields, ({ input }) => input === "required"),
            },
          ],
          ...objectTypes(packageName, fields),
        ]
      : [],
  );
}

function resourceSchema(packageName: string, { description, attributes }: ResourceSpec) {
  const all = properties(packageName, attributes, () => true);
  const isAlwaysThere = ({ input, autoname, computed, default: preset }: Attribute) =>
    input !== "optional" || autoname || computed || preset !== undefined;
  return {
    description,
    properties: all,
    required: keys(attributes, isAlwaysThere),
    inputProperties: properties(packageName, attributes, ({ input }) => input !== undefined),
    requiredInputs: keys(attributes, ({ input }) => input === "required"),
    stateInputs: { type: "object", properties: all },
  };
}

function keys(attributes: Attributes, keep: (a: Attribute) => boolean): string[] {
  return Object.entries(attributes)
    .filter(([, attribute]) => keep(attribute))
    .map(([name]) => name)
    .sort();
}

function properties(packageName: string, attributes: Attributes, keep: (a: Attribute) => boolean) {
  const kept = Object.entries(attributes).filter(([, attribute]) => keep(attribute));
  return Object.fromEntries(
    kept.map(([name, { type, description, secret, replace, fields, typeName, single }]) => [
      name,
      {
        ...(fields ? objectType(typeToken(packageName, typeName), single) : PROPERTY_TYPES[type]),
        description,
        ...(secret ? { secret: true } : {}),
        ...(replace ? { willReplaceOnChanges: true } : {}),
      },
    ]),
  );
}

function objectType(token: string, single = false) {
  const $ref = `#/types/${token}`;
  return single ? { $ref } : { type: "array", items: { $ref } };
}
