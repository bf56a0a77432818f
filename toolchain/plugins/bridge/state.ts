/** What the bridge keeps in the state beside a resource's own outputs, and how inputs are read back from outputs. */
import { UNKNOWN, type Props } from "../../../providers/kit/types";
import { secret } from "../../../providers/kit/values";
import { DEFAULTS, META, RAW_STATE_DELTA, isGiven, isObject, names, shortName, strings } from "./attributes";
import type { Attribute, ResourceSpec } from "./attributes";
import { importedObjects, refreshedObjects, wholeObjects } from "./objects";

/**
 * Outputs as the official plugin writes them: all attributes, nulls or nothing for what has no value, secrets
 * marked, upstream's schema version, and the difference to upstream's own state.
 */
export function writeState(spec: ResourceSpec, values: Props): Props {
  const outputs: Props = {};
  if (isGiven(values.id)) outputs.id = values.id;
  for (const name of names(spec)) {
    const attribute = spec.attributes[name] as Attribute;
    const value = stateValue(attribute, values[name]);
    if (!isGiven(value) && spec.flavour === "framework") continue;
    outputs[name] = attribute.secret ? secret(value ?? null) : (value ?? null);
  }
  if (spec.schemaVersion) outputs[META] = JSON.stringify({ schema_version: String(spec.schemaVersion) });
  outputs[RAW_STATE_DELTA] = rawStateDelta(spec, values);
  return outputs;
}

function stateValue(attribute: Attribute, value: unknown): unknown {
  return attribute.fields && value !== UNKNOWN ? wholeObjects(attribute, value) : value;
}

/** Outputs that a preview shows: those of an update have the difference to upstream's state already. */
export function writePreview(spec: ResourceSpec, planned: Props, olds: Props | undefined): Props {
  const { [RAW_STATE_DELTA]: delta, ...outputs } = writeState(spec, planned);
  return olds ? { ...outputs, [RAW_STATE_DELTA]: delta } : outputs;
}

/**
 * How upstream's state differs from the outputs, in the bridge's notation: `ps` by property (a collection's kind, or
 * a null that the outputs leave out), `renamed` names that are not just snake_case.
 */
function rawStateDelta(spec: ResourceSpec, values: Props): Props {
  return objectDelta(spec.attributes, values, spec.flavour);
}

function objectDelta(
  attributes: ResourceSpec["attributes"],
  values: Props,
  flavour: ResourceSpec["flavour"],
): Props {
  const properties: Props = {};
  const sortedNames = Object.keys(attributes).sort();
  for (const name of sortedNames) {
    const attribute = attributes[name] as Attribute;
    const value = stateValue(attribute, values[name]);
    const delta = valueDelta(attribute, value);
    if (!isGiven(value) && flavour === "framework") properties[name] = secret({ replace: { raw: null } });
    if (delta) properties[name] = delta;
  }
  const renamed = sortedNames.flatMap((name) => {
    const upstream = attributes[name]?.upstream;
    return upstream ? [[name, upstream]] : [];
  });
  return {
    obj: {
      ...(Object.keys(properties).length > 0 ? { ps: properties } : {}),
      ...(renamed.length > 0 ? { renamed: Object.fromEntries(renamed) as Props } : {}),
    },
  };
}

function valueDelta(attribute: Attribute, value: unknown): Props | undefined {
  const { type, fields, single } = attribute;
  if (fields && single) {
    return { plu: { i: isObject(value) ? objectDelta(fields, value, "sdk") : {} } };
  }
  if (!isGiven(value)) return undefined;
  if (fields && Array.isArray(value) && value.length > 0) {
    const elements = value.map((item, index) => [index, objectDelta(fields, item as Props, "sdk")]);
    return { arr: { el: Object.fromEntries(elements) as Props } };
  }
  if (type === "list" || type === "set") return { arr: {} };
  return type === "map" ? { map: {} } : undefined;
}

/**
 * @throws Error where the state was written for another schema version of upstream: only the official plugins can
 * convert it
 */
export function assertSchemaVersion(spec: ResourceSpec, state: Props): void {
  const meta =
    typeof state[META] === "string" ? (JSON.parse(state[META]) as { schema_version?: string }) : {};
  const [found, wanted] = [Number(meta.schema_version ?? 0), spec.schemaVersion ?? 0];
  if (found === wanted) return;
  throw new Error(
    `The state of this ${shortName(spec.token)} was written by another version of the official plugin ` +
      `(schema version ${found}; this stand-in knows ${wanted}). Run \`pulumi up\` once with the official plugin.`,
  );
}

/** A set as the state holds it: each once, in order of the bytes; null where empty. */
export function normalizedSet(items: readonly string[]): string[] | null {
  const sorted = [...new Set(items)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return sorted.length > 0 ? sorted : null;
}

/**
 * Inputs that go with outputs found on the real thing.
 * @param oldInputs undefined: an import, which takes every input that is not at its default. Else only inputs that
 * were there before are read back
 */
export function inputsFromOutputs(spec: ResourceSpec, outputs: Props, oldInputs: Props | undefined): Props {
  const inputs = oldInputs ? refreshedInputs(spec, outputs, oldInputs) : importedInputs(spec, outputs);
  for (const [name, attribute] of Object.entries(spec.attributes)) {
    if (attribute.secret && name in inputs) inputs[name] = secret(inputs[name]);
  }
  return inputs;
}

function refreshedInputs(spec: ResourceSpec, outputs: Props, oldInputs: Props): Props {
  const inputs: Props = {};
  const defaults = new Set(strings(oldInputs[DEFAULTS]));
  for (const [name, before] of Object.entries(oldInputs)) {
    if (name === DEFAULTS) continue;
    const after = outputs[name];
    if (!(name in outputs) && !(name in spec.attributes)) continue;
    if (after === undefined) {
      defaults.delete(name);
      continue;
    }
    inputs[name] = refreshedValue(spec, spec.attributes[name], before, after);
    if (JSON.stringify(before) !== JSON.stringify(inputs[name])) defaults.delete(name);
  }
  if (spec.flavour === "sdk" && defaults.size > 0) inputs[DEFAULTS] = [...defaults].sort();
  return inputs;
}

function refreshedValue(
  { matchesSets }: ResourceSpec,
  attribute: Attribute | undefined,
  before: unknown,
  after: unknown,
): unknown {
  if (attribute?.fields) return refreshedObjects(attribute, before, after);
  if (matchesSets && attribute?.type === "set" && Array.isArray(before) && Array.isArray(after)) {
    return before.filter((item) => after.includes(item));
  }
  // Of a collection, only as many items as were given: what was added by hand shows in the outputs alone.
  return Array.isArray(before) && Array.isArray(after) ? after.slice(0, before.length) : after;
}

function importedInputs(spec: ResourceSpec, outputs: Props): Props {
  const inputs: Props = {};
  for (const [name, attribute] of Object.entries(spec.attributes)) {
    if (!attribute.input) continue;
    const value = outputs[name];
    if (attribute.input === "required" ? isGiven(value) : !isDefault(value, attribute, spec)) {
      inputs[name] = (attribute.fields ? importedObjects(attribute, value) : value) ?? null;
    }
  }
  if (spec.flavour === "sdk") inputs[DEFAULTS] = [];
  return inputs;
}

function isDefault(value: unknown, attribute: Attribute, spec: ResourceSpec): boolean {
  if (spec.flavour === "sdk" && attribute.default !== undefined) return value === attribute.default;
  return isZero(value);
}

/** What upstream's older library can't tell from no value. */
export function isZero(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return !isGiven(value) || value === "" || value === 0 || value === false;
}
