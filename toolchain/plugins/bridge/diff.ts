/** What differs between the state and what the program wants, as the bridge tells it. */
import { UNKNOWN } from "../../../providers/kit/types";
import type { DiffOutcome, PropertyChange, Props } from "../../../providers/kit/types";
import { DEFAULTS, isGiven, isObject, isUnknown, names, strings } from "./attributes";
import type { Attribute, ResourceSpec } from "./attributes";
import { plannedObjects } from "./objects";
import { same } from "./same";
import { isZero, normalizedSet } from "./state";

export { same };

/**
 * Outputs to be after create (no `olds`) or update; UNKNOWN where only the real thing can tell.
 * @param inputs checked inputs; may hold UNKNOWN
 */
export function plannedOutputs(spec: ResourceSpec, inputs: Props, olds?: Props): Props {
  const planned: Props = olds ? { id: olds.id } : { id: UNKNOWN };
  for (const name of names(spec)) {
    const attribute = spec.attributes[name] as Attribute;
    planned[name] = plannedValue(attribute, inputs[name], olds, name, spec);
  }
  return planned;
}

function plannedValue(
  attribute: Attribute,
  input: unknown,
  olds: Props | undefined,
  name: string,
  spec: ResourceSpec,
): unknown {
  const before = olds?.[name] ?? null;
  const keepsForEmpty = attribute.sticky || (attribute.computed && spec.flavour === "sdk");
  const given = isGiven(input) && !(keepsForEmpty && input === "");
  if (given) {
    if (isUnknown(input)) return UNKNOWN;
    if (attribute.fields) return plannedObjects(attribute, input, before);
    const after = attribute.type === "set" ? normalizedSet(strings(input)) : input;
    if (spec.flavour !== "sdk") return after;
    if (Array.isArray(after) && after.length === 0) return without(before);
    return olds && sameForSdk(attribute, before, after) ? before : (after ?? without(before));
  }
  if (!attribute.input || attribute.computed) return olds ? before : UNKNOWN;
  if (attribute.default !== undefined) return attribute.default;
  if (attribute.sticky && olds) return before;
  return spec.flavour === "sdk" && olds ? without(before) : null;
}

/** No value, as upstream's older library keeps it: once a collection was there, an empty one stays. */
function without(before: unknown): unknown {
  if (Array.isArray(before)) return [];
  // A map with something in it goes; an empty one is no value already.
  return isZero(before) ? before : null;
}

/** Upstream's older library can't tell no value from an empty one, except where there is a default. */
function sameForSdk(attribute: Attribute, before: unknown, after: unknown): boolean {
  return attribute.default === undefined && isZero(before) && isZero(after);
}

/** Compares the state with {@link plannedOutputs}. */
export function diffResource(spec: ResourceSpec, olds: Props, inputs: Props): DiffOutcome {
  return diffPlanned(spec, olds, plannedOutputs(spec, inputs, olds), inputs);
}

export function diffPlanned(spec: ResourceSpec, olds: Props, planned: Props, inputs: Props): DiffOutcome {
  const changes = names(spec).flatMap((name) =>
    attributeChanges(
      name,
      spec.attributes[name] as Attribute,
      olds[name] ?? null,
      planned[name],
      inputs[name],
    ),
  );
  const replaced = changes.some((change) => change.replace);
  const deleteBeforeReplace = replaced && (spec.deleteBeforeReplace ?? false);
  return { changes, deleteBeforeReplace: deleteBeforeReplace || (replaced && hasFixedName(spec, inputs)) };
}

/** A name that the program chose can't be held by the old and the new one at once. */
function hasFixedName(spec: ResourceSpec, inputs: Props): boolean {
  const defaults = strings(inputs[DEFAULTS]);
  return names(spec).some((name) => spec.attributes[name]?.autoname && !defaults.includes(name));
}

function attributeChanges(
  name: string,
  attribute: Attribute,
  before: unknown,
  after: unknown,
  input: unknown,
): PropertyChange[] {
  if (same(before, after)) return [];
  const { replace } = attribute;
  const replaces = typeof replace === "function" ? replace(before, after) : (replace ?? false);
  const change = (path: string, kind: "add" | "update" | "delete"): PropertyChange => ({
    path,
    kind,
    replace: replaces,
    inputDiff: false,
  });
  if (isEmpty(before)) return [change(name, isEmpty(after) ? "update" : "add")];
  if (isEmpty(after)) return [change(name, "delete")];
  if (after === UNKNOWN) return [change(name, "update")];
  if (attribute.fields) {
    return objectChanges(attribute, before, after).map(([path, kind]) => change(name + path, kind));
  }
  if (attribute.type === "set") {
    return itemChanges(setMoves(strings(before), strings(after), strings(input))).map(([index, kind]) =>
      change(`${name}[${index}]`, kind),
    );
  }
  if (attribute.type === "list") {
    return itemChanges(listMoves(strings(before), strings(after))).map(([index, kind]) =>
      change(`${name}[${index}]`, kind),
    );
  }
  return [change(name, "update")];
}

type Change = [path: string, kind: "add" | "update" | "delete"];

/** Paths below an attribute that holds objects, each with a field that changed, or an object that came or went. */
function objectChanges(attribute: Attribute, before: unknown, after: unknown): Change[] {
  const within = (path: string, old: unknown, fresh: unknown): Change[] => {
    if (!isObject(old) || !isObject(fresh)) return [[path, "update"]];
    return Object.keys(attribute.fields ?? {}).flatMap((field): Change[] => {
      if (same(old[field], fresh[field])) return [];
      const [isNew, isGone] = [isZero(old[field]), isZero(fresh[field])];
      return [[`${path}.${field}`, isNew ? "add" : isGone ? "delete" : "update"]];
    });
  };
  if (attribute.single) return within("", before, after);
  const [olds, news] = [before as unknown[], after as unknown[]];
  const [gone, come] =
    attribute.type === "set"
      ? [
          olds.map((item) => !news.some((other) => same(item, other))),
          news.map((item) => !olds.some((other) => same(item, other))),
        ]
      : [
          olds.map((item, index) => !same(item, news[index])),
          news.map((item, index) => !same(item, olds[index])),
        ];
  return Array.from({ length: Math.max(olds.length, news.length) }, (_, index): Change[] => {
    const path = `[${index}]`;
    if (gone[index] && come[index]) return within(path, olds[index], news[index]);
    if (gone[index]) return [[path, "delete"]];
    return come[index] ? [[path, "add"]] : [];
  }).flat();
}

/** Where items went and came, by index: in the state for those gone, in the program's own order for new ones. */
interface Moves {
  gone: number[];
  come: number[];
}

function setMoves(before: string[], after: string[], input: string[]): Moves {
  return {
    gone: before.flatMap((item, index) => (after.includes(item) ? [] : [index])),
    come: input.flatMap((item, index) =>
      before.includes(item) || input.indexOf(item) !== index ? [] : [index],
    ),
  };
}

/** Items outside of the longest common subsequence. */
function listMoves(before: string[], after: string[]): Moves {
  const length: number[][] = Array.from({ length: before.length + 1 }, () => []);
  const common = (i: number, j: number): number => length[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      (length[i] as number[])[j] =
        before[i] === after[j] ? common(i + 1, j + 1) + 1 : Math.max(common(i + 1, j), common(i, j + 1));
    }
  }
  const moves: Moves = { gone: [], come: [] };
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) [i, j] = [i + 1, j + 1];
    else if (j >= after.length || (i < before.length && common(i + 1, j) >= common(i, j + 1)))
      moves.gone.push(i++);
    else moves.come.push(j++);
  }
  return moves;
}

function itemChanges({ gone, come }: Moves): [number, "add" | "update" | "delete"][] {
  return [...new Set([...gone, ...come])]
    .sort((a, b) => a - b)
    .map((index) => [index, gone.includes(index) ? (come.includes(index) ? "update" : "delete") : "add"]);
}

function isEmpty(value: unknown): boolean {
  return !isGiven(value) || (Array.isArray(value) && value.length === 0);
}
