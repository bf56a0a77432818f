/**
 * How the official plugins describe a resource. Both are made with Pulumi's Terraform bridge, and the bridge
 * decides what inputs, defaults, differences and state look like; this folder says the same in our own words, so
 * that official plugin and stand-in can take turns on one state.
 */
import { UNKNOWN, type Props } from "../../../providers/kit/types";

export type AttributeType = "string" | "integer" | "boolean" | "list" | "set" | "map";

export interface Attribute {
  type: AttributeType;
  description: string;
  /** Absent: an output only. */
  input?: "required" | "optional";
  /** Taken where the program gives no value. */
  default?: string | number | boolean;
  /** Where the program gives no value, the real thing's own value is taken and kept. */
  computed?: boolean;
  /** A change needs a new resource; a function says which changes do. */
  replace?: boolean | ((before: unknown, after: unknown) => boolean);
  secret?: boolean;
  /** Integers: the least allowed value. */
  min?: number;
  /** A name is made from the resource's, where the program gives none. */
  autoname?: boolean;
  /** The official plugin has it, the stand-in does not: any value is refused. */
  unsupported?: boolean;
  /** Upstream's name where that is not this one in snake_case (plural here, singular there). */
  upstream?: string;
  /** Texts: what they must look like, and how to say so. */
  pattern?: { regexp: RegExp; wanted: string };
  /** Where the program gives no value, the one in the state stays (upstream overlooks that it was taken out). */
  sticky?: boolean;
  /** Lists and sets of objects: what each holds. */
  fields?: Readonly<Record<string, Attribute>>;
  /** With `fields`: name of the object's type in the package schema, e.g. `ContainerPort`. */
  typeName?: string;
  /** With `fields`: upstream has a list or set of at most one, which is shown as that one alone. */
  single?: boolean;
  /** With `fields`, lists: the order of the objects means nothing. */
  anyOrder?: boolean;
}

export interface ResourceSpec {
  /** Type token, e.g. `random:index/randomBytes:RandomBytes`. */
  token: string;
  description: string;
  attributes: Readonly<Record<string, Attribute>>;
  /** Upstream's schema version, kept in the state under `__meta` unless 0. */
  schemaVersion?: number;
  /**
   * Which of upstream's two libraries the resource is made with: `sdk` notes defaults in the inputs and writes null
   * for what has no value; `framework` does neither.
   */
  flavour: "framework" | "sdk";
  /** Made with a bridge that finds the items of a set again wherever they stand, when it reads inputs back. */
  matchesSets?: boolean;
  /** The old one goes first whenever the resource is replaced. */
  deleteBeforeReplace?: boolean;
}

/** Key of the inputs that lists those which were filled in. */
export const DEFAULTS = "__defaults";
/** Key of the outputs that holds upstream's schema version. */
export const META = "__meta";
/** Key of the outputs that says how they differ from upstream's own state. */
export const RAW_STATE_DELTA = "__pulumi_raw_state_delta";

export function isUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  return Array.isArray(value) && value.some((item) => item === UNKNOWN);
}

/** Whether it is an object of named values: no null, no list. */
export function isObject(value: unknown): value is Props {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value was given at all: null counts as not given. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Names of the attributes, sorted. */
export function names(spec: ResourceSpec): string[] {
  return Object.keys(spec.attributes).sort();
}

/** The attribute, or a fault of the stand-in itself. */
export function attributeOf(spec: ResourceSpec, name: string): Attribute {
  const attribute = spec.attributes[name];
  if (!attribute) throw new Error(`${spec.token} has no attribute ${name}`);
  return attribute;
}

/** Type name without package and module: `RandomBytes`. */
export function shortName(token: string): string {
  return token.split(":").pop() ?? token;
}

/** A string array, or nothing. */
export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

export type { Props };
