import type { FleetPlan, PlatformFacts } from "../../plan/types";
import { fault, type Fault, type FaultText, type Segment } from "../faults";
import { isBroken, type ParsedValues } from "../issues";
import { isMap, type Plain } from "../plain";
import type { FleetSpec } from "../spec";

/** What the rules between fields look at. Parts with a fault of form are missing from values, spec and plan. */
export interface Context {
  readonly parsed: ParsedValues;
  readonly spec: FleetSpec;
  /** Names, ports and hosts are checked on the very plan that they would be used in. */
  readonly plan: FleetPlan;
  /** NocoBase versions that can be installed. */
  readonly releases: readonly string[];
  /** A tenant's platform, where it is known. */
  readonly facts?: PlatformFacts;
  readonly faults: Fault[];
}

export type Rule = (context: Context) => void;

/** True for a tenant's stack file, which has neither entry app nor gateway nor environments. */
export function isTenant(context: Context): boolean {
  return context.spec.platformStack !== undefined;
}

/** Adds a fault, unless its place has one of form already: that one comes first. */
export function report(context: Context, at: readonly Segment[], text: FaultText): void {
  if (!isBroken(context.parsed.broken, at)) context.faults.push(fault(at, text));
}

/** True where a top-level key is faulty as a whole: nobody knows what it would have declared. */
export function unknowable(context: Context, top: "environments" | "apps" | "databaseServers"): boolean {
  return isBroken(context.parsed.broken, [top]);
}

/** Keys declared under a top-level key, faulty ones included. */
export function declared(context: Context, top: "environments" | "apps"): string[] {
  const map = context.parsed.given[top];
  return isMap(map) ? Object.keys(map) : [];
}

/** Keys of the database servers, faulty ones and the default one included. */
export function declaredServers(context: Context): string[] {
  const map = context.parsed.given.databaseServers;
  return isMap(map) ? Object.keys(map) : Object.keys(context.spec.databaseServers);
}

/** One owner of a database: where it is declared, and under which key. */
export interface Owner {
  readonly key: string;
  readonly at: readonly Segment[];
}

/** The entry app, all environments, all apps. One with a key that is taken has its fault already and is left out. */
export function owners(context: Context): Owner[] {
  const { environments, apps } = context.plan;
  return [
    ...(isTenant(context) ? [] : [{ key: "entry", at: ["entry"] }]),
    ...Object.keys(environments)
      .filter((key) => key !== "entry")
      .map((key) => ({ key, at: ["environments", key] })),
    ...Object.keys(apps)
      .filter((key) => key !== "entry" && !Object.hasOwn(environments, key))
      .map((key) => ({ key, at: ["apps", key] })),
  ];
}

/** Something that only one may have: a port, a host name, a database name. */
export interface Claim {
  readonly id: string;
  readonly at: readonly Segment[];
  /** Chosen in the stack file, not derived; it gives way, since a derived one must not move for another's sake. */
  readonly explicit: boolean;
}

/** Calls `clash` for each claim whose id another one has by better right. Linear but for sorting the clashes. */
export function eachClash(claims: readonly Claim[], clash: (loser: Claim, holder: Claim) => void): void {
  const groups = new Map<string, Claim[]>();
  for (const claim of claims) {
    const group = groups.get(claim.id);
    if (group) group.push(claim);
    else groups.set(claim.id, [claim]);
  }
  for (const group of groups.values()) {
    if (group.length < 2) continue;
    const [holder, ...losers] = group.sort(
      (a, b) => Number(a.explicit) - Number(b.explicit) || (a.at.join("\0") < b.at.join("\0") ? -1 : 1),
    );
    if (holder) for (const loser of losers) clash(loser, holder);
  }
}

/** What was given at a place in the stack file, before defaults. */
export function given(context: Context, at: readonly Segment[]): Plain | undefined {
  let value: Plain | undefined = context.parsed.given;
  for (const segment of at) {
    if (Array.isArray(value)) value = value[Number(segment)];
    else value = isMap(value) && Object.hasOwn(value, segment) ? value[segment] : undefined;
  }
  return value;
}
