import type { Props } from "./types";

/** Pulumi's marker of a special value on the wire, and the one that says "secret" (provider protocol, property values). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Where secrets stood in a value: one path of keys for each. */
export type SecretPaths = string[][];

export interface Plain {
  value: Props;
  secrets: SecretPaths;
}

function isObject(value: unknown): value is Props {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSecret(value: unknown): value is { value: unknown } {
  return isObject(value) && value[SIGNATURE] === SECRET;
}

/** A value that handlers return marked as a secret, wherever it stands in what they return. */
export function secret(value: unknown): Props {
  return { [SIGNATURE]: SECRET, value };
}

/** Takes the secret marks off, remembering where they were. */
export function unwrapSecrets(props: Props): Plain {
  const secrets: SecretPaths = [];
  const visit = (value: unknown, path: string[]): unknown => {
    if (isSecret(value)) {
      secrets.push(path);
      return visit(value.value, path);
    }
    if (Array.isArray(value)) return value.map((item, index) => visit(item, [...path, String(index)]));
    if (isObject(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, visit(item, [...path, key])]),
      );
    }
    return value;
  };
  return { value: visit(props, []) as Props, secrets };
}

/**
 * Puts secret marks back. A path that no longer exists marks the nearest value above it that does, so a
 * secret never comes out in the clear because its shape changed.
 */
export function wrapSecrets(props: Props, secrets: SecretPaths): Props {
  const copy = structuredClone(props);
  for (const path of secrets) markSecret(copy, path);
  return copy;
}

function markSecret(root: Props, path: string[]): void {
  let parent: Props | unknown[] = root;
  for (const [depth, key] of path.entries()) {
    const here: unknown = (parent as Props)[key];
    if (here === undefined && depth === 0) return;
    if (isSecret(here)) return;
    const next = path[depth + 1];
    const canDescend =
      next !== undefined && (isObject(here) || Array.isArray(here)) && (here as Props)[next] !== undefined;
    if (!canDescend) {
      (parent as Props)[key] = { [SIGNATURE]: SECRET, value: here };
      return;
    }
    parent = here as Props | unknown[];
  }
}

/** Drops `undefined`, which the wire format cannot carry. */
export function withoutUndefined(props: Props): Props {
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((item: unknown) => (item === undefined ? null : visit(item)));
    if (isObject(value)) {
      return Object.fromEntries(
        Object.entries(value)
          .filter(([, item]) => item !== undefined)
          .map(([key, item]) => [key, visit(item)]),
      );
    }
    return value;
  };
  return visit(props) as Props;
}

/** Deep equality of plain values; `undefined`, a missing key and `null` count as the same. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b || (a ?? null) === (b ?? null)) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
  }
  if (isObject(a) && isObject(b)) {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => sameValue(a[key], b[key]));
  }
  return false;
}

/** Paths at which two plain objects differ, down to single values: `database.host`, `routes[2]`. */
export function changedPaths(olds: Props, news: Props, prefix = ""): string[] {
  return [...new Set([...Object.keys(olds), ...Object.keys(news)])]
    .filter((key) => !key.startsWith("__"))
    .flatMap((key) => {
      const [before, after] = [olds[key], news[key]];
      const path = prefix + (/^[A-Za-z_$][\w$]*$/.test(key) ? (prefix ? `.${key}` : key) : `["${key}"]`);
      if (sameValue(before, after)) return [];
      return isObject(before) && isObject(after) ? changedPaths(before, after, path) : [path];
    });
}
