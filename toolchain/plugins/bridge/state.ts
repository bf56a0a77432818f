/** What the bridge keeps in the state beside a resource's own outputs, and how inputs are read back from outputs. */
import type { Props } from "../../../providers/kit/types";
import { secret } from "../../../providers/kit/values";
import { DEFAULTS, META, RAW_STATE_DELTA, isGiven, names, shortName, strings } from "./attributes";
import type { Attribute, ResourceSpec } from "./attributes";

/**
 * Outputs as the official plugin writes them: all attributes, nulls or nothing for what has no value, secrets
 * marked, upstream's schema version, and the difference to upstream's own state.
 */
export function writeState(spec: ResourceSpec, values: Props): Props {
  const outputs: Props = {};
  if (isGiven(values.id)) outputs.id = values.id;
  for (const name of names(spec)) {
    const value = values[name];
    if (!isGiven(value) && spec.flavour === "framework") continue;
    outputs[name] = spec.attributes[name]?.secret ? secret(value ?? null) : (value ?? null);
  }
  if (spec.schemaVersion) outputs[META] = JSON.stringify({ schema_version: String(spec.schemaVersion) });
  outputs[RAW_STATE_DELTA] = rawStateDelta(spec, values);
  return outputs;
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
  const properties: Props = {};
  for (const name of names(spec)) {
    const { type } = spec.attributes[name] as Attribute;
    const given = isGiven(values[name]);
    if (!given && spec.flavour === "framework") properties[name] = secret({ replace: { raw: null } });
    if (given && (type === "list" || type === "set")) properties[name] = { arr: {} };
    if (given && type === "map") properties[name] = { map: {} };
  }
  const renamed = names(spec).flatMap((name) => {
    const upstream = spec.attributes[name]?.upstream;
    return upstream ? [[name, upstream]] : [];
  });
  return {
    obj: {
      ...(Object.keys(properties).length > 0 ? { ps: properties } : {}),
      ...(renamed.length > 0 ? { renamed: Object.fromEntries(renamed) as Props } : {}),
    },
  };
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
    // Of a collection, only as many items as were given: what was added by hand shows in the outputs alone.
    const isList = Array.isArray(before) && Array.isArray(after);
    inputs[name] = isList ? (after as unknown[]).slice(0, before.length) : after;
    if (JSON.stringify(before) !== JSON.stringify(inputs[name])) defaults.delete(name);
  }
  if (spec.flavour === "sdk" && defaults.size > 0) inputs[DEFAULTS] = [...defaults].sort();
  return inputs;
}

function importedInputs(spec: ResourceSpec, outputs: Props): Props {
  const inputs: Props = {};
  for (const [name, attribute] of Object.entries(spec.attributes)) {
    if (!attribute.input) continue;
    const value = outputs[name];
    if (attribute.input === "required" ? isGiven(value) : !isDefault(value, attribute, spec)) {
      inputs[name] = value ?? null;
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
