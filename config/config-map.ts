/** What Pulumi hands a program (a flat map of texts) → values of a stack file. */
import { isMap } from "./plain";
import { namespace, secretKeys, textKeys } from "./schema/stack";

/** Stands for a secret's value, which must not reach the spec. */
const hidden = { secure: "[secret]" } as const;

/**
 * The `nocobase-fleet:*` values of Pulumi's configuration. Texts stay texts, all else is JSON. Secrets are replaced
 * by a placeholder; a key that must not hold one becomes such a placeholder as a whole, which validation refuses.
 *
 * @param config full keys (`nocobase-fleet:apps`) and their values as Pulumi delivers them, secrets decrypted
 * @param isSecret whether Pulumi holds the full key as a secret
 */
export function valuesFromConfigMap(
  config: Readonly<Record<string, string>>,
  isSecret: (fullKey: string) => boolean,
): Record<string, unknown> {
  // Without a prototype, so that no key can reach one.
  const values = Object.create(null) as Record<string, unknown>;
  for (const [fullKey, text] of Object.entries(config)) {
    if (!fullKey.startsWith(`${namespace}:`)) continue;
    const key = fullKey.slice(namespace.length + 1);
    if (secretKeys.has(key)) values[key] = isSecret(fullKey) ? hideLeaves(parse(text)) : parse(text);
    else if (isSecret(fullKey)) values[key] = hidden;
    else values[key] = textKeys.has(key) ? text : parse(text);
  }
  return values;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function hideLeaves(value: unknown): unknown {
  if (typeof value === "string" && value !== "") return hidden;
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hideLeaves(inner)]));
}
