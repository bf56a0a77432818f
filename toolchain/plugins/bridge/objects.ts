/** Attributes that hold objects: how they are planned, kept in the state, and read back as inputs. */
import { UNKNOWN, type Props } from "../../../providers/kit/types";
import { DEFAULTS, isGiven, isObject, strings, type Attribute } from "./attributes";
import { same } from "./same";

type Fields = Readonly<Record<string, Attribute>>;

/** Upstream's older library knows no "no value" within an object: what it has instead. */
function zeroOf({ type, fields, single }: Attribute): unknown {
  if (fields) return single ? null : [];
  switch (type) {
    case "string":
      return "";
    case "integer":
      return 0;
    case "boolean":
      return false;
    case "list":
    case "set":
      return [];
    case "map":
      return {};
  }
}

/** In the order of a canonical text form: the order of a set means nothing, but must be the same each time. */
function sorted(items: readonly unknown[]): unknown[] {
  const key = (item: unknown): string => JSON.stringify(item);
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** An object as the state holds it: every field, in order of the names. */
export function wholeObject(fields: Fields, item: Props): Props {
  const names = Object.keys(fields).sort();
  return Object.fromEntries(names.map((name) => [name, wholeValue(fields[name] as Attribute, item[name])]));
}

function wholeValue(attribute: Attribute, value: unknown): unknown {
  if (!isGiven(value)) return attribute.default ?? zeroOf(attribute);
  if (value === UNKNOWN) return value;
  if (attribute.fields) return wholeObjects(attribute, value);
  if (attribute.type === "set" && Array.isArray(value)) return sorted([...new Set(value)]);
  return value;
}

/** What an attribute of objects holds, as the state has it: `[]` or, for a single one, null where there is none. */
export function wholeObjects(attribute: Attribute, value: unknown): unknown {
  const fields = attribute.fields ?? {};
  if (attribute.single) return isObject(value) ? wholeObject(fields, value) : null;
  if (!Array.isArray(value)) return [];
  const items = value.map((item: unknown) => (isObject(item) ? wholeObject(fields, item) : item));
  return attribute.type === "set" ? sorted(items) : items;
}

/** Planned value of an attribute of objects; UNKNOWN within where only the real thing can tell. */
export function plannedObjects(attribute: Attribute, input: unknown, before: unknown): unknown {
  const fields = attribute.fields ?? {};
  const computed = Object.keys(fields).filter((name) => fields[name]?.computed);
  const olds = Array.isArray(before) ? [...(before as unknown[])] : [];
  const plan = (item: unknown): unknown => {
    if (!isObject(item)) return item;
    const open = computed.filter((name) => !isGiven(item[name]));
    const whole = wholeObject(fields, item);
    const match = olds.findIndex(
      (old) =>
        isObject(old) &&
        Object.keys(fields).every((name) => open.includes(name) || same(old[name], whole[name])),
    );
    const [old] = match < 0 ? [] : olds.splice(match, 1);
    for (const name of open) whole[name] = isObject(old) ? old[name] : UNKNOWN;
    return whole;
  };
  if (attribute.single) return plan(input);
  const items = (input as unknown[]).map(plan);
  if (attribute.type === "set") return sorted(items);
  const isReordered = attribute.anyOrder && Array.isArray(before) && same(sorted(items), sorted(before));
  return isReordered ? before : items;
}

/**
 * Inputs within an attribute of objects that go with what was found: of each object only the properties that the
 * program gave.
 */
export function refreshedObjects(attribute: Attribute, before: unknown, after: unknown): unknown {
  const fields = attribute.fields ?? {};
  if (attribute.single) return isObject(before) && isObject(after) ? refreshed(fields, before, after) : after;
  if (!Array.isArray(before) || !Array.isArray(after)) return after;
  const left: unknown[] = [...(after as unknown[])];
  const fits = (old: unknown) => (found: unknown) =>
    isObject(old) && isObject(found) && same(refreshed(fields, old, found), withSortedSets(fields, old));
  const matches = (before as unknown[]).map((old) => {
    const index = left.findIndex(fits(old));
    return index < 0 ? undefined : left.splice(index, 1)[0];
  });
  return (before as unknown[]).flatMap((old, index) => {
    const found = matches[index] ?? left.shift();
    if (found === undefined) return [];
    return [isObject(old) && isObject(found) ? refreshed(fields, old, found) : found];
  });
}

function withSortedSets(fields: Fields, item: Props): Props {
  return Object.fromEntries(
    Object.entries(item).map(([name, value]) => {
      const isSet = fields[name]?.type === "set" && !fields[name].fields && Array.isArray(value);
      return [name, isSet ? sorted(value as unknown[]) : value];
    }),
  );
}

function refreshed(fields: Fields, before: Props, after: Props): Props {
  const inputs: Props = {};
  const defaults = new Set(strings(before[DEFAULTS]));
  for (const [name, old] of Object.entries(before)) {
    if (name === DEFAULTS || !(name in after)) continue;
    const attribute = fields[name];
    inputs[name] = attribute?.fields ? refreshedObjects(attribute, old, after[name]) : after[name];
    if (!same(old, inputs[name])) defaults.delete(name);
  }
  if (DEFAULTS in before) inputs[DEFAULTS] = [...defaults].sort();
  return inputs;
}

/** Inputs within an attribute of objects for an import: every property that is not at its default. */
export function importedObjects(attribute: Attribute, value: unknown): unknown {
  const fields = attribute.fields ?? {};
  const imported = (item: unknown): unknown => {
    if (!isObject(item)) return item;
    const given = Object.entries(fields).filter(([name, field]) => {
      const isZero = same(item[name] ?? null, zeroOf(field)) || item[name] === field.default;
      return field.input === "required" || (field.input !== undefined && isGiven(item[name]) && !isZero);
    });
    const inputs = given.map(([name, field]) => [
      name,
      field.fields ? importedObjects(field, item[name]) : item[name],
    ]);
    return { ...(Object.fromEntries(inputs) as Props), [DEFAULTS]: [] };
  };
  if (attribute.single) return imported(value);
  return Array.isArray(value) ? value.map(imported) : value;
}
