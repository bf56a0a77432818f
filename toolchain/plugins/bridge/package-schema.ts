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
  const configProperties = properties(config, () => true);
  return JSON.stringify({
    name,
    version,
    description: `Stand-in for the official Pulumi ${name} plugin.`,
    meta: { moduleFormat: "(.*)(?:/[^/]*)" },
    config: { variables: configProperties },
    provider: { properties: configProperties, inputProperties: configProperties },
    resources: Object.fromEntries(options.resources.map((spec) => [spec.token, resourceSchema(spec)])),
  });
}

function resourceSchema({ description, attributes }: ResourceSpec) {
  const all = properties(attributes, () => true);
  const isAlwaysThere = ({ input, autoname, computed, default: preset }: Attribute) =>
    input !== "optional" || autoname || computed || preset !== undefined;
  return {
    description,
    properties: all,
    required: keys(attributes, isAlwaysThere),
    inputProperties: properties(attributes, ({ input }) => input !== undefined),
    requiredInputs: keys(attributes, ({ input }) => input === "required"),
    stateInputs: { type: "object", properties: all },
  };
}

function keys(attributes: Readonly<Record<string, Attribute>>, keep: (a: Attribute) => boolean): string[] {
  return Object.entries(attributes)
    .filter(([, attribute]) => keep(attribute))
    .map(([name]) => name)
    .sort();
}

function properties(attributes: Readonly<Record<string, Attribute>>, keep: (a: Attribute) => boolean) {
  const kept = Object.entries(attributes).filter(([, attribute]) => keep(attribute));
  return Object.fromEntries(
    kept.map(([name, { type, description, secret, replace }]) => [
      name,
      {
        ...PROPERTY_TYPES[type],
        description,
        ...(secret ? { secret: true } : {}),
        ...(replace ? { willReplaceOnChanges: true } : {}),
      },
    ]),
  );
}
