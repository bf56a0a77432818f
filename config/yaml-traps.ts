/** What YAML lets an author write without meaning it. */
import { isMap, isPair, isScalar, isSeq, visit, type Document, type Node, type YAMLMap } from "yaml";
import { fault, type Fault, type Segment } from "./faults";

/** A fault at an offset of the text. */
export type PlacedFault = Fault & { readonly offset: number };

/** Unquoted values that YAML readers disagree on; the engine's takes the first for a point in time, the others for numbers. */
const disputed: readonly [RegExp, string][] = [
  [/^\d{4}-\d{1,2}-\d{1,2}(?:[Tt ].*)?$/, "a date"],
  [/^[-+]?0\d+$/, "an octal number"],
  [/^[-+]?\d[\d_]*_[\d_]*$/, "a number with separators"],
  [/^[-+]?0b[01_]+$/, "a binary number"],
];

/** Keys given twice, and values that the engine would read as something else. */
export function yamlTraps(document: Document.Parsed): PlacedFault[] {
  const faults: PlacedFault[] = [];
  visit(document, {
    Map: (_, map, path) => {
      faults.push(...repeatedKeys(map, keysOf(path)));
    },
    Scalar: (role, scalar, path) => {
      if (role === "key" || scalar.type !== "PLAIN" || scalar.source === undefined) return;
      const { source } = scalar;
      const reading = disputed.find(([pattern]) => pattern.test(source))?.[1];
      if (reading === undefined) return;
      const at = keysOf(path);
      faults.push({
        ...faultBelow(at, {
          value: source,
          problem: `is ${reading} to some YAML readers and not to others`,
          allowed: "values that mean the same to all",
          fix: `put it in quotes if it is text: "${source}"`,
        }),
        offset: offsetOf(scalar),
      });
    },
  });
  return faults;
}

/** A fault at a place of the file: below `config` it gets the key's path, elsewhere the file's. */
export function faultBelow(at: readonly Segment[], text: Parameters<typeof fault>[1]): Fault {
  const [top, key, ...rest] = at;
  if (top === "config" && typeof key === "string") {
    const [scope, name] = splitKey(key);
    if (scope === undefined) return fault([name, ...rest], text);
  }
  return fault(at, text, at.map(String).join(".") || "the file");
}

/** `nocobase-fleet:apps` and `apps` → `[undefined, "apps"]`; `aws:region` → `["aws", "region"]`. */
export function splitKey(key: string): [scope: string | undefined, name: string] {
  const colon = key.indexOf(":");
  if (colon < 0) return [undefined, key];
  const scope = key.slice(0, colon);
  // The long form of early Pulumi, which the engine still takes.
  const name = key.slice(colon + 1).replace(/^config:/, "");
  return [scope === "nocobase-fleet" ? undefined : scope, name];
}

/** Start of a node in the text; 0 where it has none. */
export function offsetOf(node: unknown): number {
  return (node as Node | undefined)?.range?.[0] ?? 0;
}

/** The text of a key, as it becomes a property name. */
export function keyText(key: unknown): string {
  if (!isScalar<string | number | boolean | null>(key)) return String(key);
  return key.value === null ? "" : String(key.value);
}

function repeatedKeys(map: YAMLMap, at: readonly Segment[]): PlacedFault[] {
  const seen = new Set<string>();
  return map.items.flatMap(({ key }) => {
    const name = keyText(key);
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const text = { problem: "is written twice", allowed: "each key once", fix: "remove one of the two" };
    return [{ ...faultBelow([...at, name], text), offset: offsetOf(key) }];
  });
}

/** Keys and positions that lead to a node, from the nodes above it (the node itself excluded). */
function keysOf(path: readonly unknown[]): Segment[] {
  const keys: Segment[] = [];
  for (const [depth, node] of path.entries()) {
    if (isPair(node)) keys.push(keyText(node.key));
    else if (isSeq(node)) {
      const next = path[depth + 1];
      if (next !== undefined) keys.push(node.items.indexOf(next));
    } else if (isMap(node)) continue;
  }
  return keys;
}
