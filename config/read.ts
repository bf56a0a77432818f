/** Values of a stack file → spec, or everything that is wrong with them. */
import { planFleet } from "../plan/fleet";
import { deepFreeze } from "../plan/freeze";
import type { PlatformFacts } from "../plan/types";
import { sortFaults, type Fault } from "./faults";
import { parseValues, type ParsedValues } from "./issues";
import { plainCopy } from "./plain";
import { lockedReleases } from "./releases";
import { resolve } from "./resolve";
import { rules } from "./rules";
import type { StackValues } from "./schema/stack";
import type { FleetSpec } from "./spec";

export interface ReadArgs {
  /** Name of the stack, the last part where it has an organization. */
  readonly stack: string;
  /** The `nocobase-fleet:*` keys without their namespace; secrets as `{ secure: "…" }`, whatever stands there. */
  readonly values: unknown;
  /** NocoBase versions that can be installed; those with a committed lockfile by default. */
  readonly releases?: readonly string[];
  /** A tenant's platform, where it is known: what the file names there is then checked too. */
  readonly facts?: PlatformFacts;
}

export type ReadResult =
  | { readonly spec: FleetSpec; readonly faults?: undefined }
  | { readonly spec?: undefined; readonly faults: readonly Fault[] };

/** Checks everything at once. Never throws, whatever the values are; the spec is deeply frozen. */
export function readFleetSpec({ stack, values, releases = lockedReleases(), facts }: ReadArgs): ReadResult {
  const plain = plainCopy(values);
  const inFile = parseValues(
    plain.values,
    plain.faults.map(({ at }) => at),
  );
  const parsed = { ...inFile, values: tenantValues(inFile, facts) };
  const spec = resolve(stack, parsed.values, facts);
  const context = {
    parsed,
    spec,
    plan: planFleet(spec),
    releases,
    facts,
    faults: [...plain.faults, ...parsed.faults],
  };
  for (const rule of rules) rule(context);
  return context.faults.length === 0 ? { spec: deepFreeze(spec) } : { faults: sortFaults(context.faults) };
}

/** A tenant has no server unless it declares one, and its platform's kind. */
function tenantValues({ values, given }: ParsedValues, facts: PlatformFacts | undefined): StackValues {
  if (values.platformStack === undefined) return values;
  return {
    ...values,
    platform: facts?.platform ?? values.platform,
    databaseServers: given.databaseServers === undefined ? {} : values.databaseServers,
  };
}
