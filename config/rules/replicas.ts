/** What may run as several processes, and what several need. */
import { platformCapabilities } from "../../platforms/capabilities";
import { isBroken } from "../issues";
import { defaults, reservedConnections } from "../schema/parts";
import { listed } from "../suggest";
import type { InstanceSpec } from "../spec";
import { given, report, unknowable, type Context } from "./context";

/** NocoBase's own pool of five, and what keeps the replicas in step: a listener, a lease, locks, a queue. */
const connectionsPerReplica = 9;
/** For a backup, and for replicas that start while others are still ending. */
const spareConnections = 5;

/** Replicas where they can run: of the entry app without guests, and of dedicated apps. */
export function replicas(context: Context): void {
  const { values } = context.parsed;
  const entry = mostOf(context.spec.entry);
  if (entry > 1) {
    refuseHost(context, entry);
    check(context, ["entry"], "entry", entry);
  }
  refuseRange(context, ["entry"], context.spec.entry);
  for (const [key, app] of Object.entries(values.apps)) {
    if (app.replicas === 1 || isBroken(context.parsed.broken, ["apps", key, "isolation"])) continue;
    const spec = context.spec.apps[key];
    if (spec?.isolation === "dedicated") {
      refuseRange(context, ["apps", key], spec);
      check(context, ["apps", key], key, mostOf(spec));
      continue;
    }
    report(context, ["apps", key, "replicas"], {
      value: typeof app.replicas === "number" ? app.replicas : { ...app.replicas },
      problem: "is more than a shared app can be: it runs once, inside its host's process",
      allowed: "1 with isolation: shared",
      fix: "remove it, or give the app isolation: dedicated",
    });
  }
}

/** Replicas at most: as declared, or as an autoscaler may make. */
export function mostOf({ replicas, autoscale }: InstanceSpec): number {
  return Math.max(replicas, autoscale?.max ?? 0);
}

function refuseRange(context: Context, at: readonly string[], { replicas, autoscale }: InstanceSpec): void {
  if (!autoscale) return;
  const value = { min: replicas, max: autoscale.max };
  const { platform } = context.spec;
  if (!platformCapabilities[platform].autoscaling) {
    report(context, [...at, "replicas"], {
      value,
      problem: `is a range, and platform ${platform} has no autoscaler`,
      allowed: `a whole number on platform ${platform}`,
      fix: `write replicas: ${replicas}`,
    });
  } else if (autoscale.max < replicas) {
    report(context, [...at, "replicas"], {
      value,
      problem: "has a max below its min",
      allowed: "min at most as large as max",
      fix: `write { min: ${autoscale.max}, max: ${replicas} }`,
    });
  }
}

/** Two processes with the open multi-app manager start and stop each other's apps without end. */
function refuseHost(context: Context, replicas: number): void {
  const { plan } = context;
  if (!plan.entry.hostsApps || unknowable(context, "apps")) return;
  const guests = Object.values(plan.apps).flatMap(({ host, key }) => (host === "entry" ? [key] : []));
  report(context, ["entry", "replicas"], {
    value: replicas,
    problem: `is more than the entry app can be while it hosts shared apps (${listed(guests)}): NocoBase's multi-app manager can't share them between processes`,
    allowed: "1 where apps run in the entry app",
    fix: "declare an environment under nocobase-fleet:environments and place those apps there, or give them isolation: dedicated",
  });
}

function check(context: Context, at: readonly string[], key: string, replicas: number): void {
  const { platform, entry, apps, databaseServers } = context.spec;
  if (!platformCapabilities[platform].replicas) {
    report(context, [...at, "replicas"], {
      value: replicas,
      problem: `is more than platform ${platform} can run: an app is one process there`,
      allowed: `1 on platform ${platform}`,
      fix: "remove it",
    });
    return;
  }
  const { database } = key === "entry" ? entry : (apps[key] ?? entry);
  const needed = replicas * connectionsPerReplica + spareConnections;
  if (database.connectionLimit >= needed) return;
  const fits = Math.max(1, Math.floor((database.connectionLimit - spareConnections) / connectionsPerReplica));
  const server = databaseServers[database.server];
  const most = server?.kind === "managed" ? server.maxConnections - reservedConnections : Infinity;
  const chosen = given(context, [...at, "database", "connectionLimit"]) !== undefined;
  const own = `set nocobase-fleet:${at.join(".")}.database.connectionLimit to ${needed} or more`;
  report(context, [...at, "replicas"], {
    value: replicas,
    problem: `needs ${needed} database connections (${connectionsPerReplica} each, ${spareConnections} to spare), but the app's role may hold ${database.connectionLimit}`,
    allowed: `at most ${fits} with ${chosen ? "this" : `the default of ${defaults.connectionLimitWithReplicas} or what the server has as`} connectionLimit`,
    fix:
      needed <= most
        ? own
        : `raise nocobase-fleet:databaseServers.${database.server}.maxConnections to ${needed + reservedConnections} or more, and ${own}`,
  });
}
