/** What is wrong with a stack file, said so that its author can put it right. */
import { namespace, secretKeys } from "./schema/stack";

export type Segment = string | number;

export interface Fault {
  /** Keys from the top-level key down, e.g. `["apps", "crm", "environment"]`. */
  readonly at: readonly Segment[];
  /** The same as people and Pulumi write it: `nocobase-fleet:apps.crm.environment`. */
  readonly path: string;
  /** The value as JSON, cut; absent where nothing stands there or where it may be a secret. */
  readonly value?: string;
  readonly problem: string;
  readonly allowed?: string;
  readonly fix: string;
  /** Where the stack file was read from a file. */
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  readonly column?: number;
}

/** A fault without what follows from its place. */
export interface FaultText {
  readonly value?: unknown;
  readonly problem: string;
  readonly allowed?: string;
  readonly fix: string;
}

const longestValue = 80;
/** Names whose values are not shown: they may hold a secret. */
export const secretName =
  /pass(?:word|wd|phrase)?$|password|passwd|secret|token|credential|(?:^|[a-z_])(?:api|access|private|encryption|aes|jwt)_?key|_key$|_pwd$|_pass$|_dsn$/i;

/** Builds a fault; the value is left out where any part of the path, or the value itself, looks like a secret. */
export function fault(at: readonly Segment[], text: FaultText, path = formatPath(at)): Fault {
  const secret =
    secretKeys.has(String(at[0])) ||
    at.some((segment) => typeof segment === "string" && secretName.test(segment));
  const { value, ...rest } = text;
  return {
    at,
    path,
    ...(value === undefined || secret ? {} : { value: showValue(value) }),
    ...rest,
  };
}

/** `["apps", "my.app", "title"]` → `nocobase-fleet:apps["my.app"].title`, the way Pulumi's `--path` takes it. */
export function formatPath(at: readonly Segment[]): string {
  const [top, ...rest] = at;
  const tail = rest.map((segment) => {
    if (typeof segment === "number") return `[${segment}]`;
    return /^[A-Za-z_][\w-]*$/.test(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`;
  });
  return top === undefined ? namespace : `${namespace}:${top}${tail.join("")}`;
}

/** A value as JSON on one line, at most 80 characters, with what looks like a secret inside left out. */
export function showValue(value: unknown): string {
  // Plain JSON only, so that there always is a text.
  const text = JSON.stringify(value, (name: string, inner: unknown) =>
    secretName.test(name) || name === "secure" ? "[secret]" : hideCredentials(inner),
  );
  return text.length > longestValue ? `${text.slice(0, longestValue - 1)}…` : text;
}

/** True for `postgres://user:password@host` and the like. */
export function holdsCredentials(value: string): boolean {
  return /:\/\/[^/\s:@]*:[^/\s@]+@/.test(value);
}

function hideCredentials(value: unknown): unknown {
  return typeof value === "string" && holdsCredentials(value) ? "[secret]" : value;
}

/** Faults in the order of their places, for a report that doesn't depend on the order of rules. */
export function sortFaults(faults: readonly Fault[]): Fault[] {
  return [...faults].sort(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || compare(a.path, b.path) || compare(a.problem, b.problem),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const mostShown = 50;

/** For people: a heading, then up to 50 faults of three short lines each. */
export function formatFaults(faults: readonly Fault[], source = "the stack file"): string {
  const lines = [`${source} has ${faults.length === 1 ? "a fault" : `${faults.length} faults`}:`];
  for (const { path, value, problem, allowed, fix, file, line, column } of faults.slice(0, mostShown)) {
    const place = line === undefined ? "" : ` (${file ?? "line"}:${line}${column ? `:${column}` : ""})`;
    lines.push("", `  ${path}${place}`, `    ${value === undefined ? "" : `${value} `}${problem}`);
    if (allowed !== undefined) lines.push(`    allowed: ${allowed}`);
    lines.push(`    fix: ${fix}`);
  }
  if (faults.length > mostShown) lines.push("", `  … and ${faults.length - mostShown} more`);
  return lines.join("\n");
}

/** For programs: the faults as JSON, without the split path. */
export function faultsToJson(faults: readonly Fault[]): string {
  return JSON.stringify(faults, (name, value: unknown) => (name === "at" ? undefined : value), 2);
}
