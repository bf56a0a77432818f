/** Names that follow from a stack and a key alone: no other key, no position and no date has a say. */
import { createHash } from "node:crypto";

/** PostgreSQL's limit for names (NAMEDATALEN - 1), and a DNS label's. */
export const longestName = 63;

/** What a name belongs to; databases and roles of all of these share one namespace per server. */
export type OwnerKind = "entry" | "environment" | "app";

/**
 * Name of an owner's database and role: `<stack>_<key>` with underscores, at most 63 characters. Where that would
 * be cut, or the stack's name can't be told from it, eight hex digits of a hash end it.
 */
export function databaseName(stack: string, key: string): string {
  const slug = stackSlug(stack);
  const name = `${slug.text}_${key.replaceAll("-", "_")}`;
  if (!slug.lossy && name.length <= longestName) return name;
  return withSuffix(name, "_", `${stack}\0${key}`);
}

/**
 * Role by which an instance enters the fleet's registry, and the registry's own name for the key `entry`. No key ends
 * in a hyphen, so it is no app's.
 */
export function registryName(stack: string, key: string): string {
  return databaseName(stack, `${key}-`);
}

/** Folder, process and container name of an instance: `entry`, `env-<key>`, `app-<key>`, at most 63 characters. */
export function instanceName(kind: OwnerKind, key: string): string {
  if (kind === "entry") return "entry";
  return fitted(`${kind === "environment" ? "env" : "app"}-${key}`);
}

/**
 * Process name of an instance's replica, from 1: the first has the instance's own, the others a number after a dot,
 * which no key holds: `app-erp`, `app-erp.2`.
 */
export function replicaName(instance: string, number: number): string {
  return number === 1 ? instance : `${instance}.${number}`;
}

/** Folder, process or namespace name of a database server: `postgres-<key>`, at most 63 characters. */
export function serverName(key: string): string {
  return fitted(`postgres-${key}`);
}

/** Name of the CloudNativePG cluster in a database server's own namespace, and prefix of its Services and Secrets. */
export const postgresCluster = "postgres";

function fitted(name: string): string {
  return name.length <= longestName ? name : withSuffix(name, "-", name);
}

function withSuffix(name: string, separator: string, hashed: string, longest = longestName): string {
  const hash = createHash("sha256").update(hashed).digest("hex").slice(0, 8);
  const kept = name.slice(0, longest - hash.length - 1).replace(/[-_]+$/, "");
  return `${kept}${separator}${hash}`;
}

/** The stack's name in lower case and underscores; lossy where two stacks could get the same. */
function stackSlug(stack: string): { text: string; lossy: boolean } {
  const text = stack.toLowerCase().replace(/[^a-z0-9]+/g, "_");
  // PostgreSQL refuses roles whose names start with pg_; a digit first would need quotes everywhere.
  const safe = /^[a-z]/.test(text) && !/^pg(?:_|$)/.test(text) ? text : `s_${text}`;
  return { text: safe, lossy: safe !== text || !/^[a-z](?:-?[a-z0-9])*$/.test(stack) };
}

/** Room for the prefix of its process's name, `app-`. */
const longestAppName = longestName - "app-".length;

/**
 * Name of a tenant's app among those of all stacks on its platform: `<stack>-<key>`, at most 59 characters. Where that
 * would be cut, or the stack's name can't be told from it, eight hex digits of a hash end it.
 */
export function tenantAppName(stack: string, key: string): string {
  const slug = stackSlug(stack);
  const name = `${slug.text.replaceAll("_", "-")}-${key}`;
  if (!slug.lossy && name.length <= longestAppName) return name;
  return withSuffix(name, "-", `${stack}\0${key}`, longestAppName);
}

/**
 * Namespace of an instance on a cluster that other stacks use too: `<stack>-<instance>`, at most 63 characters. Where
 * that would be cut, or the stack's name can't be told from it, eight hex digits of a hash end it.
 */
export function namespaceName(stack: string, instance: string): string {
  const slug = stackSlug(stack);
  const name = `${slug.text.replaceAll("_", "-")}-${instance}`;
  if (!slug.lossy && name.length <= longestName) return name;
  return withSuffix(name, "-", `${stack}\0${instance}`);
}
