/** Refuses, before anything is touched, what the engine would refuse only after it has taken processes down. */
import type { StackPlan } from "../plan/types";
import type { PartName } from "./preview/effects";
import { explainProtected } from "./output/explain";
import { UserError } from "./exit-codes";

/** A resource as a state has it. */
interface Owned {
  urn: string;
  type: string;
  parent?: string;
}

export interface ProtectedResource extends Owned {
  protect?: boolean;
}

/**
 * Protected parts that an `up`, or a `destroy`, would remove.
 *
 * @param keep the plan whose parts stay; undefined for destroy
 */
export function protectedParts(
  resources: readonly ProtectedResource[],
  keep: StackPlan | undefined,
): PartName[] {
  const parents = new Map(resources.map((resource) => [resource.urn, resource]));
  const owners = resources
    .filter(({ protect }) => protect)
    .map((resource) => ownerOf(resource, parents))
    .filter((owner): owner is Owner => owner !== undefined && !stays(owner, keep))
    .map(({ kind, key }): [string, PartName] => [`${kind} ${key}`, { part: KINDS[kind], key }]);
  return [...new Map(owners).values()];
}

/**
 * Says no to an `up` that would remove a protected app or environment, or to a `destroy` of a fleet that has any.
 *
 * @throws UserError naming them all, with what to do
 */
export function refuseProtected(resources: readonly ProtectedResource[], keep: StackPlan | undefined): void {
  const names = protectedParts(resources, keep).map(({ part, key }) =>
    part === "entry app" ? "the entry app" : `${part} ${key}`,
  );
  if (names.length > 0) throw new UserError(explainProtected(names).join("\n").trim());
}

const KINDS = { EntryApp: "entry app", RuntimeEnvironment: "environment", BusinessApp: "app" } as const;

/** A part of the fleet by its component. */
export interface Owner {
  kind: keyof typeof KINDS;
  key: string;
}

/** The part that a resource belongs to. @param parents all resources of its state, by URN */
export function ownerOf(resource: Owned, parents: ReadonlyMap<string, Owned>): Owner | undefined {
  for (let at: Owned | undefined = resource; at; at = parents.get(at.parent ?? "")) {
    const kind = /^nocobase-fleet:index:(EntryApp|RuntimeEnvironment|BusinessApp)$/.exec(at.type)?.[1];
    if (kind) return { kind: kind as Owner["kind"], key: at.urn.split("::").pop() ?? "" };
  }
  return undefined;
}

function stays({ kind, key }: Owner, plan: StackPlan | undefined): boolean {
  if (!plan) return false;
  if (kind === "EntryApp") return true;
  return Object.hasOwn(kind === "BusinessApp" ? plan.apps : plan.environments, key);
}
