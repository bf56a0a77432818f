/** Tenant's spec + facts of its platform → tenant's plan. Pure, like the fleet's. */
import type { FleetSpec, InstanceSpec } from "../config/spec";
import { deepFreeze } from "./freeze";
import { planFleet } from "./fleet";
import type { PlatformFacts, TenantPlan } from "./types";

/**
 * What follows from a tenant's stack file on a platform. Names and ports are those that the tenant's apps would have
 * in a fleet, with the tenant's name before them where all stacks of a platform share one namespace.
 *
 * @param spec checked with the same facts
 */
export function planTenant(spec: FleetSpec, facts: PlatformFacts): TenantPlan {
  const { apps, databaseServers, gateway, kubernetes, registries } = planFleet(onPlatform(spec, facts));
  const releases = Object.values(apps).flatMap(({ instance }) => instance?.release ?? []);
  return deepFreeze({
    stack: spec.stack,
    platformStack: spec.platformStack ?? facts.stack,
    platform: facts.platform,
    ...(kubernetes ? { kubernetes } : {}),
    releases: [...new Set(releases)].sort(),
    registries,
    databaseServers,
    environments: {},
    apps,
    routes: gateway.routes.filter(({ kind }) => kind === "app"),
    facts,
  });
}

/** The tenant's spec with its platform's gateway and environments in place of a fleet's defaults. */
export function onPlatform(spec: FleetSpec, facts: PlatformFacts): FleetSpec {
  const environments = Object.entries(facts.environments).map(
    ([key, { release }]): [string, InstanceSpec] => [key, { ...spec.entry, release }],
  );
  return {
    ...spec,
    platform: facts.platform,
    gateway: { ...spec.gateway, ...facts.gateway },
    environments: Object.fromEntries(environments),
  };
}
