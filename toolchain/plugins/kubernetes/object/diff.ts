/** What an object needs to become as the program has it. */
import { UNKNOWN, type DiffOutcome, type PropertyChange } from "../../../../providers/kit/types";
import { sameValue } from "../../../../providers/kit/values";
import type { KubernetesObject } from "../api/kinds";
import { parseCheckpoint } from "./checkpoint";
import { forceNewPaths, touches, type Mutable } from "./force-new";
import { normalize } from "./normalize";
import { isObject, prune } from "./prune";

type Path = readonly (string | number)[];

/**
 * Compares with the live object as the state has it, pruned to what the program had given: changes that others made and
 * a refresh has seen count too.
 * @param olds the state
 * @param news checked inputs, which may hold unknown values
 * @param ignored paths of properties, and of all within them, whose changes don't count
 */
export function diffObject(
  olds: Record<string, unknown>,
  news: KubernetesObject,
  mutable: Mutable,
  ignored: readonly string[] = [],
): DiffOutcome {
  const { inputs, live } = parseCheckpoint(olds);
  const wanted = withNamespace(normalize(news));
  const had = withNamespace(prune(live, { ...normalize(inputs), apiVersion: "", kind: "" }));
  // A generated name may be taken into the program.
  if (wanted.metadata.name !== undefined) had.metadata.name = live.metadata.name;
  Reflect.deleteProperty(had.metadata, "resourceVersion");

  const forceNew = forceNewPaths(wanted, mutable);
  const isIgnored = (path: string) =>
    ignored.some((each) => path === each || path.startsWith(`${each}.`) || path.startsWith(`${each}[`));
  const found = differences([], had, wanted).filter(({ path }) => !isIgnored(pathText(path)));
  const changes = found.map(({ path, value, ...change }): PropertyChange => {
    // Without its metadata an object would lose its name.
    const replace =
      touches(forceNew, path, value) || (change.kind === "delete" && path.join() === "metadata");
    return { ...change, path: pathText(path), replace };
  });
  const { name, namespace } = wanted.metadata;
  const isSamePlace = name === live.metadata.name && namespace === withNamespace(live).metadata.namespace;
  return { changes, deleteBeforeReplace: isSamePlace && changes.some(({ replace }) => replace) };
}

/** No namespace and `default` are one; what has none in either form stays without. */
function withNamespace(object: KubernetesObject): KubernetesObject {
  const { namespace = "default" } = object.metadata;
  return { ...object, metadata: { ...object.metadata, namespace } };
}

interface Difference {
  path: Path;
  value: unknown;
  kind: "add" | "update" | "delete";
  inputDiff: boolean;
}

function differences(path: Path, before: unknown, after: unknown): Difference[] {
  if ((before ?? null) === (after ?? null) || sameValue(before, after)) return [];
  if (after === undefined || after === null) return [{ path, value: after, kind: "delete", inputDiff: true }];
  if (before === undefined || before === null) return [{ path, value: after, kind: "add", inputDiff: false }];
  if (after === UNKNOWN) return [{ path, value: after, kind: "update", inputDiff: false }];
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => differences([...path, key], before[key], after[key]));
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const indexes = [...Array(Math.max(before.length, after.length)).keys()];
    return indexes.flatMap((index) => differences([...path, index], before[index], after[index]));
  }
  return [{ path, value: after, kind: "update", inputDiff: false }];
}

function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    if (/[."[\]]/.test(step)) return `${text}["${step.replaceAll('"', '\\"')}"]`;
    return text === "" ? step : `${text}.${step}`;
  }, "");
}
