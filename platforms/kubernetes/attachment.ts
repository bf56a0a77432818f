/** What a tenant's stack is attached to in a cluster. Pure. */
import { namespaceName } from "../../plan/names";
import type { PlatformFacts, PlatformInstance, TenantPlan } from "../../plan/types";
import type { PlatformHost } from "./index";
import type { OperatedInstance } from "./operations";

/** Environments of a tenant's platform, and its entry app where that shows tenants' apps, by the instance's name. */
export function hostsOf({ apps, databaseServers, facts }: TenantPlan): Record<string, PlatformHost> {
  const stack = facts.attachment.stack ?? facts.stack;
  const addressOf = ({ name, context }: Pick<PlatformInstance, "name" | "context">) => ({
    namespace: namespaceName(stack, name),
    ...(context === undefined ? {} : { context }),
  });
  const hosts = Object.entries(facts.environments).map(([key, environment]): [string, PlatformHost] => {
    const used = Object.values(apps)
      .filter(({ host }) => host === key)
      .map(({ database }) => database.server);
    const databases = Object.entries(databaseServers).flatMap(([server, { host, port }]) =>
      used.includes(server) ? [{ host, port }] : [],
    );
    return [environment.name, { address: addressOf(environment), databases }];
  });
  const { entry } = facts;
  return {
    ...Object.fromEntries(hosts),
    ...(entry ? { [entry.name]: { address: addressOf(entry), databases: [] } } : {}),
  };
}

/** Environments of these keys as what is looked at and asked. */
export function operatedOf({ environments }: PlatformFacts, keys: readonly string[]): OperatedInstance[] {
  return Object.entries(environments).flatMap(([key, { name, context }]): OperatedInstance[] => {
    if (!keys.includes(key)) return [];
    const placement = context === undefined ? {} : { placement: { context } };
    return [{ name, state: "running", replicas: [name], ...placement }];
  });
}
