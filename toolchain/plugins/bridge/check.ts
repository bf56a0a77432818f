/** Validates what a program gives and fills in defaults, as the bridge does. */
import { randomBytes } from "node:crypto";
import { closest } from "fastest-levenshtein";
import type { CheckFailure, CheckOutcome, Props } from "../../../providers/kit/types";
import { secret } from "../../../providers/kit/values";
import { DEFAULTS, isGiven, isObject, isUnknown, shortName } from "./attributes";
import type { Attribute, ResourceSpec } from "./attributes";

/** What to do about something that only the official plugin has. */
export function officialRemedy(packageName: string, version: string): string {
  return (
    `Install the official plugin (\`pulumi plugin install resource ${packageName} ${version}\`) and set ` +
    "NOCOBASE_FLEET_PLUGINS=official, or leave it out."
  );
}

export interface CheckOptions {
  spec: ResourceSpec;
  /** See {@link officialRemedy}. */
  remedy: string;
  /** Name part of the URN; automatic names begin with it. */
  name: string;
}

/**
 * @param news as the program gave them
 * @param olds the checked inputs of last time, undefined or empty for a new resource
 * @returns inputs with defaults (`sdk` flavour only) and every fault found
 */
export function checkInputs(
  news: Props,
  olds: Props | undefined,
  { spec, remedy, name }: CheckOptions,
): CheckOutcome {
  const failures: CheckFailure[] = [];
  const owner = { name: shortName(spec.token), path: "", flavour: spec.flavour, remedy, failures };
  const inputs = readObject(news, spec.attributes, owner);
  if (spec.flavour === "sdk") inputs[DEFAULTS] = fillDefaults(spec.attributes, inputs, olds ?? {}, name);
  for (const [key, attribute] of Object.entries(spec.attributes)) {
    if (attribute.secret && key in inputs) inputs[key] = secret(inputs[key]);
  }
  return { inputs, failures };
}

/** What holds the properties that are read: the resource, or an object within it. */
interface Owner {
  name: string;
  /** Path of the object with a full stop at its end; empty for the resource. */
  path: string;
  flavour: ResourceSpec["flavour"];
  remedy: string;
  /** Faults found go here. */
  failures: CheckFailure[];
}

type Attributes = Readonly<Record<string, Attribute>>;

function readObject(news: Props, attributes: Attributes, owner: Owner): Props {
  const inputs: Props = {};
  const fail = (key: string, reason: string) =>
    owner.failures.push({ property: owner.path + key, reason: owner.path + reason });

  for (const [key, value] of Object.entries(news)) {
    if (key.startsWith("__") || !isGiven(value)) continue;
    const attribute = attributes[key];
    if (!attribute) {
      owner.failures.push({ property: owner.path + key, reason: unknownProperty(key, attributes, owner) });
    } else if (!attribute.input) {
      fail(key, `${key} is an output of ${owner.name} and can't be given. Leave it out.`);
    } else if (attribute.unsupported && !isNothing(value)) {
      fail(key, `${key} of ${owner.name} is not supported by this stand-in plugin. ${owner.remedy}`);
    } else if (attribute.fields && !isUnknown(value)) {
      inputs[key] = readObjects(key, value, attribute, owner);
    } else {
      const read = readValue(value, attribute);
      if ("fault" in read) fail(key, `${key} is ${show(value, attribute)}; ${read.fault}.`);
      else inputs[key] = read.value;
    }
  }

  for (const [key, attribute] of Object.entries(attributes)) {
    if (attribute.input === "required" && !isGiven(news[key])) {
      fail(key, `${key} is missing: ${attribute.description}`);
    }
  }
  return inputs;
}

/** The object or list of objects, each with its defaults filled in. */
function readObjects(key: string, value: unknown, attribute: Attribute, owner: Owner): unknown {
  const fields = attribute.fields ?? {};
  const read = (item: unknown, path: string): unknown => {
    if (isUnknown(item)) return item;
    if (!isObject(item)) {
      const wanted = `an object with ${Object.keys(fields).join(", ")}`;
      owner.failures.push({
        property: path,
        reason: `${path} is ${JSON.stringify(item)}; it must be ${wanted}.`,
      });
      return {};
    }
    const inputs = readObject(item, fields, { ...owner, name: path, path: `${path}.` });
    if (owner.flavour === "sdk") inputs[DEFAULTS] = fillDefaults(fields, inputs, {}, "");
    return inputs;
  };
  const path = owner.path + key;
  if (attribute.single) return read(value, path);
  return (Array.isArray(value) ? value : [value]).map((item, index) => read(item, `${path}[${index}]`));
}

function unknownProperty(key: string, attributes: Attributes, owner: Owner): string {
  const known = Object.entries(attributes)
    .filter(([, { input, unsupported }]) => input && !unsupported)
    .map(([property]) => property);
  return `${owner.name} has no property ${key}; did you mean ${closest(key, known)}? It has ${known.join(", ")}.`;
}

/** Values that say nothing: an unsupported property may hold them. */
function isNothing(value: unknown): boolean {
  return value === false || value === "" || (Array.isArray(value) && value.length === 0);
}

function show(value: unknown, attribute: Attribute): string {
  return attribute.secret ? "a secret value" : JSON.stringify(value);
}

type Read = { value: unknown } | { fault: string };

/** Programs in weakly typed languages give numbers as text and the like; the bridge takes those too. */
export function readValue(value: unknown, attribute: Pick<Attribute, "type" | "min" | "pattern">): Read {
  if (isUnknown(value)) return { value };
  switch (attribute.type) {
    case "string":
      return readText(value, attribute.pattern);
    case "boolean":
      if (typeof value === "boolean") return { value };
      return value === "true" || value === "false"
        ? { value: value === "true" }
        : { fault: "it must be true or false" };
    case "integer":
      return readInteger(value, attribute.min);
    case "list":
    case "set":
      return readTexts(Array.isArray(value) ? value : [value]);
    case "map":
      return readMap(value);
  }
}

function readText(value: unknown, pattern: Attribute["pattern"]): Read {
  if (!["string", "number", "boolean"].includes(typeof value)) return { fault: "it must be a text" };
  const text = String(value);
  return pattern && !pattern.regexp.test(text) ? { fault: `it must be ${pattern.wanted}` } : { value: text };
}

function readInteger(value: unknown, min: number | undefined): Read {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number)) {
    return { fault: "it must be a whole number" };
  }
  return min !== undefined && number < min ? { fault: `it must be at least ${min}` } : { value: number };
}

function readTexts(items: unknown[]): Read {
  const read = items.map((item) => readValue(item, { type: "string" }));
  return read.every((item): item is { value: unknown } => "value" in item)
    ? { value: read.map((item) => item.value) }
    : { fault: "it must be a list of texts" };
}

function readMap(value: unknown): Read {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { fault: "it must be a map of texts" };
  }
  const entries = Object.entries(value)
    .filter(([, item]) => isGiven(item))
    .map(([key, item]) => [key, readValue(item, { type: "string" })] as const);
  const faulty = entries.find(([, item]) => "fault" in item);
  if (faulty) return { fault: `it must be a map of texts, and ${faulty[0]} is none` };
  return {
    value: Object.fromEntries(entries.map(([key, item]) => [key, "value" in item ? item.value : undefined])),
  };
}

/** Adds what is missing to `inputs`. @returns names of what was added, for the state */
function fillDefaults(attributes: Attributes, inputs: Props, olds: Props, name: string): string[] {
  const filled: string[] = [];
  for (const [key, attribute] of Object.entries(attributes)) {
    if (key in inputs) continue;
    if (attribute.autoname) {
      inputs[key] = olds[key] ?? `${name}-${randomBytes(4).toString("hex").slice(0, 7)}`;
      filled.push(key);
    } else if (attribute.default) {
      // The bridge leaves out defaults that are false, 0 or empty.
      inputs[key] = attribute.default;
      filled.push(key);
    }
  }
  return filled.sort();
}
