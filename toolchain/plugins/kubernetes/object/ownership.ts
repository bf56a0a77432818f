/** Field managers: who owns which field of an object. */
import type { Props } from "../../../../providers/kit/types";
import type { KubernetesObject } from "../api/kinds";
import { isObject } from "./prune";

/** Field manager of objects just created; the first update hands their fields to the object's own manager. */
export const CREATOR = "pulumi-kubernetes";

interface Entry extends Props {
  manager: string;
  operation: "Apply" | "Update";
  subresource?: string;
  fieldsV1?: Props;
}

/** Those whose fields an update takes over: this plugin's own as creator, and kubectl's. By their beginning. */
const TAKEN_OVER: readonly [manager: string, operation: Entry["operation"]][] = [
  ["kubectl", "Apply"],
  ["kubectl", "Update"],
  ["before-first-apply", "Update"],
  [CREATOR, "Update"],
  ["pulumi-resource-kubernetes", "Update"],
];

/**
 * JSON patch that gives those fields to `manager`, as the official plugin does before it applies.
 * @returns undefined where there is nothing to hand over
 */
export function handover(live: KubernetesObject, manager: string): unknown[] | undefined {
  const entries = entriesOf(live);
  const isOwn = (entry: Entry) => entry.manager === manager && entry.operation === "Apply";
  const taken = entries.filter((entry) => !isOwn(entry) && isTakenOver(entry));
  if (taken.length === 0) return undefined;
  const rest = entries.filter((entry) => !isOwn(entry) && !isTakenOver(entry));
  const all = [...entries.filter(isOwn), ...taken];
  const fieldsV1 = all.reduce<Props>((sum, entry) => union(sum, entry.fieldsV1 ?? {}), {});
  const merged = { ...all[0], manager, operation: "Apply", fieldsV1 };
  return [
    // Fails where somebody has written meanwhile; the update is then tried again.
    { op: "test", path: "/metadata/resourceVersion", value: live.metadata.resourceVersion },
    { op: "replace", path: "/metadata/managedFields", value: [...rest, merged] },
  ];
}

/** Objects that nobody recorded to own, and in a preview those whose fields an update would hand over first. */
export function mustForce(live: KubernetesObject, isPreview: boolean): boolean {
  const entries = entriesOf(live);
  return entries.length === 0 || (isPreview && entries.some(isTakenOver));
}

function entriesOf(live: KubernetesObject): Entry[] {
  return (live.metadata.managedFields ?? []) as Entry[];
}

function isTakenOver(entry: Entry): boolean {
  const matches = TAKEN_OVER.some(
    ([manager, operation]) => entry.manager.startsWith(manager) && entry.operation === operation,
  );
  return matches && !entry.subresource;
}

function union(a: Props, b: Props): Props {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return Object.fromEntries(
    keys.map((key) => {
      const [left, right] = [a[key], b[key]];
      return [key, isObject(left) && isObject(right) ? union(left, right) : (left ?? right)];
    }),
  );
}

/**
 * The object as it is to be applied where the program ignores changes of some properties: what others alone own is left out,
 * anything else stays as it is in the cluster.
 * @param paths dotted paths; those into lists are left to the program
 */
export function withIgnored(
  object: KubernetesObject,
  live: KubernetesObject,
  manager: string,
  paths: readonly string[],
): KubernetesObject {
  const copy = structuredClone(object);
  const entries = entriesOf(live);
  for (const path of paths.filter((each) => !each.includes("["))) {
    const steps = path.split(".");
    const owners = entries.filter(
      ({ fieldsV1 }) =>
        valueAt(
          fieldsV1,
          steps.map((step) => `f:${step}`),
        ) !== undefined,
    );
    const isOurs = owners.some((entry) => entry.manager === manager);
    const current = valueAt(live, steps);
    const parent = valueAt(copy, steps.slice(0, -1));
    const last = steps.at(-1);
    if (!isObject(parent) || last === undefined) continue;
    if (owners.length > 0 && !isOurs) Reflect.deleteProperty(parent, last);
    else if (current !== undefined) parent[last] = current;
  }
  return copy;
}

function valueAt(value: unknown, steps: readonly string[]): unknown {
  return steps.reduce<unknown>((inner, step) => (isObject(inner) ? inner[step] : undefined), value);
}
