/** From plan and live values to what the state holds. */
import { UNKNOWN, type Props } from "../../../providers/kit/types";
import { isGiven, names, type Attribute, type ResourceSpec } from "../bridge/attributes";

/**
 * Live values where the daemon tells them, else those before. Upstream's library can't tell an empty collection from
 * none: where there was none, there is none still.
 * @param before planned values of a create or update, or the state
 */
export function settled(spec: ResourceSpec, before: Props, live: Props): Props {
  const values: Props = { id: live.id ?? before.id };
  for (const name of names(spec)) {
    const attribute = spec.attributes[name] as Attribute;
    const had = before[name] === UNKNOWN ? undefined : (before[name] ?? null);
    const has = name in live ? live[name] : had;
    const isNone = had === null && isEmptyCollection(has) && !attribute.fields;
    values[name] = isNone ? null : (has ?? (attribute.computed && isCollection(attribute) ? [] : null));
  }
  return values;
}

function isCollection({ type, single }: Attribute): boolean {
  return (type === "list" || type === "set") && !single;
}

function isEmptyCollection(value: unknown): boolean {
  return isGiven(value) && typeof value === "object" && Object.keys(value as object).length === 0;
}

/** A planned text that the program or the state gave. */
export function knownText(planned: Props, key: string): string | undefined {
  const value = planned[key];
  return typeof value === "string" && value !== "" && value !== UNKNOWN ? value : undefined;
}

export function knownNumber(planned: Props, key: string): number | undefined {
  const value = planned[key];
  return typeof value === "number" ? value : undefined;
}

export function knownFlag(planned: Props, key: string): boolean | undefined {
  const value = planned[key];
  return typeof value === "boolean" ? value : undefined;
}

export function knownTexts(planned: Props, key: string): string[] | undefined {
  const value = planned[key];
  return Array.isArray(value) && value.length > 0 ? (value as string[]) : undefined;
}

export function knownMap(planned: Props, key: string): Record<string, string> | undefined {
  const value = planned[key];
  return typeof value === "object" && value !== null && Object.keys(value).length > 0
    ? (value as Record<string, string>)
    : undefined;
}

export function knownObjects(planned: Props, key: string): Props[] {
  const value = planned[key];
  return Array.isArray(value) ? (value as Props[]) : [];
}
