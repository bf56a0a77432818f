/** Servers that the CloudNativePG operator runs: where they may be, who reaches them, what their object stores need. */
import type {
  AppPlan,
  CloudnativepgServerPlan,
  DatabasePlan,
  DatabaseServerPlan,
  FleetPlan,
  InstancePlan,
} from "../../plan/types";
import { formatPath, type Segment } from "../faults";
import { newestPostgres } from "../schema/cloudnativepg";
import { given, isTenant, owners, report, unknowable, type Context } from "./context";

export function cloudnativepg(context: Context): void {
  const { spec, plan } = context;
  for (const server of Object.values(plan.databaseServers)) {
    if (server.kind !== "cloudnativepg") continue;
    const at = ["databaseServers", server.key];
    if (isTenant(context)) {
      report(context, [...at, "kind"], {
        value: server.kind,
        problem: "is not to be had in a tenant's stack file",
        allowed: "external",
        fix: "declare it in a fleet of its own, or give the address of a server with kind: external",
      });
    } else if (spec.platform !== "kubernetes") {
      report(context, [...at, "kind"], {
        value: server.kind,
        problem: `is a server in a cluster, but the platform is ${spec.platform}`,
        allowed: "managed or external",
        fix: "write kind: managed, or nocobase-fleet:platform: kubernetes",
      });
    }
    images(context, server, at);
    folders(context, server, at);
  }
  objectStoreKeys(context);
  clusters(context);
  names(context);
}

/** The operator keeps some names for itself, and would attach an app to a database that it has made. */
function names(context: Context): void {
  const { plan } = context;
  const places = new Map(owners(context).map(({ key, at }) => [key, at]));
  for (const { key, database } of parts(plan)) {
    const at = places.get(key);
    if (!at || serverOf(plan, database)?.kind !== "cloudnativepg") continue;
    if (database.name === "app") {
      report(context, [...at, "database", "name"], {
        value: database.name,
        problem: "is a database that the operator makes on every server",
        allowed: "another name",
        fix: `leave it out: it is ${database.role} by default`,
      });
    }
    if (!database.role.startsWith("cnpg_")) continue;
    report(context, at, {
      problem: `gets the database role ${database.role}, and the operator keeps names with cnpg_ for its own`,
      allowed: "a stack whose name doesn't begin with cnpg",
      fix: "rename the stack",
    });
  }
}

function parts({ entry, environments, apps }: FleetPlan): (InstancePlan | AppPlan)[] {
  return [entry, ...Object.values(environments), ...Object.values(apps)];
}

function serverOf({ databaseServers }: FleetPlan, { server }: DatabasePlan): DatabaseServerPlan | undefined {
  return Object.hasOwn(databaseServers, server) ? databaseServers[server] : undefined;
}

/** The operator itself reads the major version from the tag. */
function images(context: Context, { image, version }: CloudnativepgServerPlan, at: readonly Segment[]): void {
  const tag = image === undefined ? undefined : /:([^/:@]+)$/.exec(image)?.[1];
  const major = /^(\d+)(?:\D|$)/.exec(tag ?? "")?.[1];
  if (image === undefined || image.includes("@sha256:") || major === String(version)) return;
  report(context, [...at, "image"], {
    value: image,
    problem: `has no tag that begins with ${version}, the server's version`,
    allowed: `an image of PostgreSQL ${version} for CloudNativePG`,
    fix: `name one with a tag such as ${version}, or write version: ${major ?? newestPostgres} where that is allowed`,
  });
}

/** The operator refuses to archive into a folder that holds another server's write-ahead log. */
function folders(context: Context, server: CloudnativepgServerPlan, at: readonly Segment[]): void {
  const { backups, recovery, namespace } = server;
  if (!backups || !recovery || backups.destination !== recovery.destination) return;
  if ((backups.name ?? namespace) !== recovery.name) return;
  report(context, [...at, "backups", "name"], {
    value: backups.name,
    problem: `is the folder that the data come from, ${recovery.name}: the new server would write into the old one's backups`,
    allowed: "a folder that is empty yet",
    fix: `write another name, e.g. ${recovery.name.slice(0, 61)}-2`,
  });
}

/** Each object store has its keys, and all keys a store. */
function objectStoreKeys(context: Context): void {
  if (unknowable(context, "databaseServers")) return;
  const keys = context.parsed.values.objectStoreKeys;
  const stored = Object.values(context.plan.databaseServers)
    .filter((server) => server.kind === "cloudnativepg" && (server.backups ?? server.recovery))
    .map(({ key }) => key);
  for (const key of stored) {
    const at = ["objectStoreKeys", key];
    if (Object.hasOwn(keys, key)) continue;
    report(context, at, {
      problem: "is missing: the server has an object store",
      allowed: "its accessKeyId and secretAccessKey, as secrets",
      fix: `pulumi config set --secret --path '${formatPath([...at, "accessKeyId"])}', and the same for secretAccessKey`,
    });
  }
  for (const key of Object.keys(keys)) {
    const says = (field: string) => given(context, ["databaseServers", key, field]) !== undefined;
    // Faulty ones are missing from the plan.
    if (stored.includes(key) || says("backups") || says("recovery")) continue;
    report(context, ["objectStoreKeys", key], {
      problem: "belongs to no cloudnativepg server with backups or recovery",
      allowed: stored.length > 0 ? stored.join(", ") : "nothing: no server has an object store",
      fix: "remove it",
    });
  }
}

/** The server's address leads to it within its own cluster only. */
function clusters(context: Context): void {
  const { plan } = context;
  if (plan.platform !== "kubernetes") return;
  const places = new Map(owners(context).map(({ key, at }) => [key, at]));
  const contextOf = (key: string): string => {
    const instance =
      key === "entry" ? plan.entry : (plan.environments[key] ?? plan.apps[key]?.instance ?? plan.entry);
    return instance.placement?.context ?? plan.kubernetes?.context ?? "";
  };
  for (const part of parts(plan)) {
    const { key, database } = part;
    const at = places.get(key);
    const server = serverOf(plan, database);
    if (server?.kind !== "cloudnativepg" || !at) continue;
    const [mine, its] = [
      contextOf("isolation" in part ? (part.host ?? key) : key),
      server.context ?? plan.kubernetes?.context ?? "",
    ];
    if (mine === its) continue;
    const place = [...at, "database", "server"];
    report(context, place, {
      value: given(context, place) ?? server.key,
      problem: `is in another cluster (${named(its)}) than what serves the app (${named(mine)}), which can't reach it`,
      allowed: "a cloudnativepg server of the same cluster, or an external one",
      fix: `declare one with context: ${mine === "" ? "that of the kubeconfig" : mine}, or put both into one cluster`,
    });
  }
}

function named(context: string): string {
  return context === "" ? "the kubeconfig's current context" : `context ${context}`;
}
