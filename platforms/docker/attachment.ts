import { serverName } from "../../plan/names";
import type { ImageName, ImagesPlan, StackPlan, TenantPlan } from "../../plan/types";
import { dockerName } from "./names";

/** A stack's images, and what a tenant's stack is attached to: it takes its platform's images. */
export function imagesOf(plan: StackPlan): {
  images: ImagesPlan;
  attachedTo?: Readonly<Record<string, string>>;
} {
  if (plan.platformStack === undefined) return { images: plan.images };
  const { attachment } = plan.facts;
  return { images: JSON.parse(attachment.images ?? "{}") as ImagesPlan, attachedTo: attachment };
}

/** Images that containers of this stack need, besides NocoBase's for each release. */
export function commonImages(plan: StackPlan): Exclude<ImageName, "nocobase">[] {
  const supervised = plan.platformStack === undefined && plan.supervisor === "official";
  return ["proxy", "postgres", "node", ...(supervised ? (["redis"] as const) : [])];
}

/** How a tenant's own containers and its platform's reach each other. */
export interface Neighbours {
  /** Containers of the platform's servers that hold databases of the tenant's dedicated apps, by the server's key. */
  readonly servers: Readonly<Record<string, string>>;
  /** Keys of the tenant's own servers that the platform's environments reach for the apps that they host. */
  readonly shared: readonly string[];
}

export function neighboursOf({ apps, databaseServers, facts }: TenantPlan): Neighbours {
  const all = Object.values(apps);
  const used = (isolation: string) =>
    new Set(all.filter((app) => app.isolation === isolation).map(({ database }) => database.server));
  const stack = facts.attachment.stack ?? facts.stack;
  const theirs = Object.entries(facts.databaseServers).filter(
    ([key, { inside }]) => inside !== undefined && used("dedicated").has(key),
  );
  return {
    servers: Object.fromEntries(theirs.map(([key]) => [key, dockerName(stack, serverName(key))])),
    shared: Object.keys(databaseServers).filter((key) => used("shared").has(key)),
  };
}
