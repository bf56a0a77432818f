/** A stack file from disk: the YAML around the values, with the line of every fault. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { isMap, isSeq, LineCounter, parseDocument, type Document, type YAMLMap } from "yaml";
import type { PlatformFacts } from "../plan/types";
import { fault, sortFaults, type Fault, type Segment } from "./faults";
import { isMap as isRecord } from "./plain";
import { readFleetSpec, type ReadResult } from "./read";
import { namespace, topLevelKeys } from "./schema/stack";
import { listed, suggest } from "./suggest";
import { faultBelow, keyText, offsetOf, splitKey, yamlTraps, type PlacedFault } from "./yaml-traps";

export interface StackFileArgs {
  readonly text: string;
  /** Shown in faults. */
  readonly file: string;
  readonly stack: string;
  /** NocoBase versions that can be installed; those with a committed lockfile by default. */
  readonly releases?: readonly string[];
  /** A tenant's platform, where it is known. */
  readonly facts?: PlatformFacts;
}

/** Keys of a stack file that are Pulumi's own. */
const pulumiKeys = ["config", "secretsprovider", "encryptionsalt", "encryptedkey", "environment"];

/** Name of the stack that `Pulumi.<stack>.yaml` belongs to; undefined for other names. */
export function stackOfFile(file: string): string | undefined {
  return /^Pulumi\.(.+)\.ya?ml$/.exec(basename(file))?.[1];
}

/**
 * Reads and checks `Pulumi.<stack>.yaml`.
 *
 * @throws if the file can't be read, or its name names no stack
 */
export function readStackFile(file: string, facts?: PlatformFacts): ReadResult {
  const stack = stackOfFile(file);
  if (stack === undefined) throw new Error(`${file} is not named Pulumi.<stack>.yaml`);
  return parseStackFile({ text: readFileSync(file, "utf8"), file: basename(file), stack, facts });
}

/** Checks a stack file's text. Values mean what they mean to the engine; where readers differ there is a fault. */
export function parseStackFile({ text, file, stack, releases, facts }: StackFileArgs): ReadResult {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    merge: true,
    uniqueKeys: false,
    prettyErrors: false,
  });
  const locate = ({ offset, ...found }: PlacedFault): Fault => {
    const { line, col } = lines.linePos(offset);
    return { ...found, file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    return { faults: broken.map(({ message, pos }) => locate(syntaxFault(message, pos[0]))) };
  }

  const content = toPlain(document);
  if ("problem" in content) return { faults: [locate(content.problem)] };
  const { values, fileKeys, faults } = readConfig(document, content.plain);
  const result = readFleetSpec({ stack, values, releases, facts });
  const found = [
    ...[...yamlTraps(document), ...faults].map(locate),
    ...(result.faults ?? []).map((each) => locate({ ...each, offset: placeOf(document, each.at, fileKeys) })),
  ];
  return found.length === 0 ? result : { faults: sortFaults(found) };
}

function syntaxFault(message: string, offset: number): PlacedFault {
  const fix = "correct the YAML here: indentation, quotes, colons; tabs are not allowed";
  return { ...fault([], { problem: `can't be read as YAML: ${message}`, fix }, "the file"), offset };
}

function toPlain(document: Document.Parsed): { plain: Record<string, unknown> } | { problem: PlacedFault } {
  const refuse = (problem: string, fix: string) => ({
    problem: { ...fault([], { problem, allowed: "a map with the key config", fix }, "the file"), offset: 0 },
  });
  let plain: unknown;
  try {
    plain = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return refuse(
      `has aliases that can't be followed: ${error instanceof Error ? error.message : ""}`,
      "write the values out",
    );
  }
  if (plain === null || plain === undefined) return { plain: {} };
  if (isRecord(plain)) return { plain };
  return refuse("is not a map of keys", "write config: and the nocobase-fleet:* keys below it");
}

interface ConfigPart {
  readonly values: Record<string, unknown>;
  /** Top-level key → the key as the file has it. */
  readonly fileKeys: ReadonlyMap<string, string>;
  readonly faults: readonly PlacedFault[];
}

function readConfig(document: Document.Parsed, plain: Record<string, unknown>): ConfigPart {
  const faults: PlacedFault[] = [];
  const report = (at: readonly string[], text: Parameters<typeof fault>[1], path = at.join(".")) =>
    faults.push({ ...fault(at, text, path), offset: descend(document.contents, at) });

  for (const key of Object.keys(plain)) {
    if (pulumiKeys.includes(key)) continue;
    const meant = suggest(key, pulumiKeys);
    const ours = topLevelKeys.find((known) => known === splitKey(key)[1]);
    const fix = ours ? `move it below config:` : meant ? `did you mean "${meant}"?` : "remove it";
    report([key], { problem: "is not a key of a stack file", allowed: listed(pulumiKeys), fix });
  }

  // Without a prototype, so that no key of the file can reach one.
  const values = Object.create(null) as Record<string, unknown>;
  const fileKeys = new Map<string, string>();
  const config = plain.config ?? {};
  if (!isRecord(config)) {
    report(["config"], {
      value: config,
      problem: "is not a map",
      allowed: "a map of nocobase-fleet:* keys",
      fix: "write the keys below config:, indented",
    });
    return { values, fileKeys, faults };
  }
  for (const [fileKey, value] of Object.entries(config)) {
    const [scope, key] = splitKey(fileKey);
    if (scope !== undefined) {
      // Configuration of other packages is none of our business, a mistyped namespace is.
      if (suggest(scope, [namespace]) === undefined) continue;
      report(["config", fileKey], {
        problem: `is in the unknown namespace "${scope}"`,
        allowed: `keys that start with ${namespace}:`,
        fix: `did you mean "${namespace}:${key}"?`,
      });
    } else if (fileKeys.has(key)) {
      const text = { problem: `is written twice: as ${fileKeys.get(key) ?? ""} and ${fileKey}` };
      const found = faultBelow(["config", fileKey], { ...text, fix: "remove one of the two" });
      faults.push({ ...found, offset: descend(document.contents, ["config", fileKey]) });
    } else {
      fileKeys.set(key, fileKey);
      values[key] = value;
    }
  }
  return { values, fileKeys, faults };
}

function placeOf(document: Document.Parsed, at: readonly Segment[], fileKeys: ReadonlyMap<string, string>) {
  const [top, ...rest] = at;
  const fileKey = top === undefined ? undefined : fileKeys.get(String(top));
  return descend(document.contents, fileKey === undefined ? ["config"] : ["config", fileKey, ...rest]);
}

/** Offset of the key or item at this place, or of the last one on the way that there is. */
function descend(root: unknown, at: readonly Segment[]): number {
  let node = root;
  let offset = offsetOf(root);
  for (const segment of at) {
    if (isMap(node)) {
      const pair = pairs(node).get(String(segment));
      if (!pair) break;
      offset = offsetOf(pair.key);
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(segment)];
      if (node === undefined) break;
      offset = offsetOf(node);
    } else break;
  }
  return offset;
}

const indexes = new WeakMap<YAMLMap, Map<string, { key: unknown; value: unknown }>>();

/** Pairs by key, found once per map: a large file with many faults is searched in linear time. */
function pairs(map: YAMLMap): Map<string, { key: unknown; value: unknown }> {
  let index = indexes.get(map);
  if (!index) {
    index = new Map(map.items.map((pair) => [keyText(pair.key), pair]));
    indexes.set(map, index);
  }
  return index;
}
