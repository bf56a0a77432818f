/** Refuses to have a part look for its database on another server: the database would stay where it is. */
import type { StackPlan } from "../plan/types";
import { UserError } from "./exit-codes";
import type { StateResource } from "./pending";
import { ownerOf, type Owner } from "./protection";

const DATABASE = "postgresql:index/database:Database";
const OPERATED = "cloudnativepg";
const OPERATED_DATABASE = "kubernetes:postgresql.cnpg.io/v1:Database";

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
      "`up` moves no database between servers. Put the server's key (or its kind) back as the part's `database.server`",
      `(e.g. ${first.part}.database.server: ${first.from}), or move it by hand: docs/data-safety.md, "Moves".`,
    ].join("\n"),
  );
}

/** Parts whose databases are on another server, as the state says, than the plan has them. */
export function serverMoves(resources: readonly StateResource[], plan: StackPlan): ServerMove[] {
  const parents = new Map(resources.map((resource) => [resource.urn, resource]));
  const guarded = guardedServers(resources);
  const moves = resources
    .filter(({ type }) => type === DATABASE || type === OPERATED_DATABASE)
    .flatMap((database): ServerMove[] => {
      const owner = ownerOf(database, parents);
      const from = serverOf(database, guarded);
      const to = owner && planned(owner, plan);
      if (!owner || from === undefined || to === undefined) return [];
      // Under the same key, too, a server that an operator runs is another one.
      const isOperated = plan.databaseServers[to]?.kind === OPERATED;
      const wasOperated = database.type === OPERATED_DATABASE;
      if (from === to && isOperated === wasOperated) return [];
      const named = (key: string, operated: boolean) => (operated ? `${key} (${OPERATED})` : key);
      return isOperated === wasOperated
        ? [{ part: pathOf(owner), from, to }]
        : [{ part: pathOf(owner), from: named(from, wasOperated), to: named(to, isOperated) }];
    });
  // The entry app may have two: its own and the registry.
  return [...new Map(moves.map((move) => [move.part, move])).values()];
}

function serverOf(
  { type, provider, inputs }: StateResource,
  guarded: ReadonlyMap<unknown, string>,
): string | undefined {
  if (type === DATABASE) return /::([^:]+)-administrator::[^:]*$/.exec(provider ?? "")?.[1];
  return guarded.get((inputs?.metadata as { namespace?: string } | undefined)?.namespace);
}

/** Keys of the servers that an operator runs, by their namespaces. */
function guardedServers(resources: readonly StateResource[]): ReadonlyMap<unknown, string> {
  const guards = resources.filter(({ type }) => type === "nocobase-kubernetes:index:ServerGuard");
  return new Map(
    guards.map(({ inputs = {} }) => [
      (inputs.address as { namespace?: string } | undefined)?.namespace,
      String(inputs.server),
    ]),
  );
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
