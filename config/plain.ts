/** Brings whatever a reader delivers down to plain JSON, so that the schema and the rules never meet a surprise. */
import { fault, type Fault, type Segment } from "./faults";
import { secretKeys } from "./schema/stack";
import { listed } from "./suggest";

export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

/** Deeper than any valid stack file by far; also ends cycles. */
const deepest = 12;

/** A deep copy of plain JSON; everything else in it becomes a fault and is left out. */
export function plainCopy(values: unknown): { values: Record<string, Plain>; faults: Fault[] } {
  const faults: Fault[] = [];
  const copied = copy(values, [], faults);
  if (isMap(copied)) return { values: copied, faults };
  if (copied !== undefined) {
    const problem = "is not a map of keys";
    faults.push(
      fault([], {
        value: copied,
        problem,
        allowed: "a map",
        fix: "write keys such as nocobase-fleet:entry: {}",
      }),
    );
  }
  return { values: {}, faults };
}

export function isMap(value: unknown): value is Record<string, Plain> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function copy(value: unknown, at: Segment[], faults: Fault[]): Plain | undefined {
  const refuse = (problem: string, fix: string): Plain | undefined => {
    faults.push(fault(at, { problem, fix }));
    return undefined;
  };
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return value;
    return refuse(`is ${value}, which is no number a stack file can hold`, "write a finite number");
  }
  if (value === undefined) return undefined;
  if (typeof value !== "object" || !isPlainObject(value)) {
    return refuse("is neither text, number, true/false, list nor map", "write a plain value");
  }
  if (at.length >= deepest) return refuse("is nested too deeply", "see docs/configuration.md for the shape");
  if (Array.isArray(value)) {
    const list: Plain[] = [];
    for (let index = 0; index < value.length; index++) {
      // A hole would shift what comes after it, so it is kept as an empty value.
      list.push(copy(value[index], [...at, index], faults) ?? null);
    }
    return list;
  }
  if ("secure" in value && !secretKeys.has(String(at[0])) && at.length > 0) {
    return refuse(
      `is a secret, but only ${listed([...secretKeys])} hold secrets: it would make the whole key secret`,
      "write it in plain text, or move it to nocobase-fleet:secretEnv",
    );
  }
  const map: Record<string, Plain> = {};
  for (const [name, inner] of Object.entries(value)) {
    if (name === "__proto__") {
      faults.push(
        fault([...at, name], {
          problem: "is a name that JavaScript reserves",
          fix: "remove it or choose another name",
        }),
      );
      continue;
    }
    const plain = copy(inner, [...at, name], faults);
    if (plain !== undefined) map[name] = plain;
  }
  return map;
}

function isPlainObject(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
