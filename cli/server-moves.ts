/** Refuses to have a part look for its database on another server: the database would stay where it is. */
import type { StackPlan } from "../plan/types";
import { UserError } from "./exit-codes";
import type { StateResource } from "./pending";
import { ownerOf, type Owner } from "./protection";

export interface ServerMove {
  /** Path in the stack file of the part whose database it is: `apps.crm`, `environments.blue`, `entry`. */
  part: string;
  /** Keys of the servers. */
  from: string;
  to: string;
}

/**
 * Says no to an `up` that would have parts look for their databases on another server. The engine would take it for a
 * change in place, of roles and databases that don't exist there.
 *
 * @throws UserError naming them all, with what to do
 */
export function refuseServerMoves(resources: readonly StateResource[], plan: StackPlan): void {
  const moves = serverMoves(resources, plan);
  const [first] = moves;
  if (!first) return;
  throw new UserError(
    [
      `stack ${plan.stack} would leave databases behind on another server; nothing was touched.`,
      ...moves.map(({ part, from, to }) => `  ${part}: from server ${from} to ${to}`),
      "`up` moves no database between servers. Put the server's key back as the part's `database.server`",
      `(e.g. ${first.part}.database.server: ${first.from}), or move it by hand: docs/data-safety.md, "Moves".`,
    ].join("\n"),
  );
}

/** Parts whose databases are on another server, as the state says, than the plan has them. */
export function serverMoves(resources: readonly StateResource[], plan: StackPlan): ServerMove[] {
  const parents = new Map(resources.map((resource) => [resource.urn, resource]));
  const moves = resources
    .filter(({ type }) => type === "postgresql:index/database:Database")
    .flatMap((database): ServerMove[] => {
      const owner = ownerOf(database, parents);
      const from = /::([^:]+)-administrator::[^:]*$/.exec(database.provider ?? "")?.[1];
      const to = owner && planned(owner, plan);
      if (!owner || from === undefined || to === undefined || from === to) return [];
      return [{ part: pathOf(owner), from, to }];
    });
  // The entry app may have two: its own and the registry.
  return [...new Map(moves.map((move) => [move.part, move])).values()];
}

function planned({ kind, key }: Owner, plan: StackPlan): string | undefined {
  if (kind === "BusinessApp") return plan.apps[key]?.database.server;
  if (plan.platformStack !== undefined) return undefined;
  return (kind === "EntryApp" ? plan.entry : plan.environments[key])?.database.server;
}

function pathOf({ kind, key }: Owner): string {
  if (kind === "EntryApp") return "entry";
  return `${kind === "BusinessApp" ? "apps" : "environments"}.${key}`;
}
