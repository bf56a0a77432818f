/** The fleet as a whole: platform, topology, releases, connections. */
import { platformCapabilities } from "../../platforms/capabilities";
import { entryHostsApps, hasPlugins, isEntryOperated } from "../../plan/fleet";
import { reservedConnections } from "../schema/parts";
import { listed, suggest } from "../suggest";
import { given, isTenant, owners, report, type Context } from "./context";

/** The platform runs database servers where one is declared that it should run. */
export function platform(context: Context): void {
  const { platform: name, databaseServers } = context.spec;
  if (platformCapabilities[name].managedDatabaseServers) return;
  for (const [key, server] of Object.entries(databaseServers)) {
    if (server.kind !== "managed") continue;
    report(context, ["databaseServers", key, "kind"], {
      value: server.kind,
      problem: `platform ${name} runs no PostgreSQL server itself`,
      allowed: "external or cloudnativepg",
      fix: "write kind: cloudnativepg where its operator is installed, or give the address of a server with kind: external",
    });
  }
}

const meanings = {
  single: "the entry app alone",
  shared: "apps that all run in the entry app",
  hybrid: "environments or dedicated apps",
} as const;

/** A declared topology is what the declarations amount to. */
export function topology(context: Context): void {
  const { spec, plan, parsed } = context;
  if (isTenant(context)) return;
  if (spec.topology === undefined || spec.topology === plan.topology) return;
  // With faulty declarations nobody knows what they amount to.
  if ([...parsed.broken].some((place) => /^\["(?:apps|environments)"/.test(place))) return;
  report(context, ["topology"], {
    value: spec.topology,
    problem: `means ${meanings[spec.topology]}, but the stack file declares ${meanings[plan.topology]}`,
    allowed: plan.topology,
    fix: `write ${plan.topology} or leave it out, or change what is declared`,
  });
}

/** The platform has the chosen supervisor, and the entry app has room for it. */
export function supervisor(context: Context): void {
  const { supervisor: chosen, platform: name } = context.spec;
  if (chosen === undefined || isTenant(context)) return;
  const { supervisors } = platformCapabilities[name];
  if (!supervisors.includes(chosen)) {
    report(context, ["supervisor"], {
      value: chosen,
      problem: `is not to be had on platform ${name}`,
      allowed: listed(supervisors),
      fix:
        chosen === "official"
          ? "choose one of those, or write platform: docker, where Redis runs beside NocoBase"
          : "choose one of those, or leave it out",
    });
  } else if (chosen === "open" && entryHostsApps(context.spec)) {
    report(context, ["supervisor"], {
      value: chosen,
      problem: "needs an entry app that hosts no apps: its own list of applications would be in the way",
      allowed: "open only where every shared app names an environment",
      fix: "declare an environment and let the apps name it, or write none",
    });
  } else if (chosen === "open" && isEntryOperated(context.spec)) {
    report(context, ["supervisor"], {
      value: chosen,
      problem: "needs a database of its own on the entry app's server, which CloudNativePG runs",
      allowed: "open only where the entry app's database server is managed or external",
      fix: "leave it out, or put the entry app's database on an external server",
    });
  } else if (chosen === "open" && !hasPlugins(context.spec)) {
    report(context, ["supervisor"], {
      value: chosen,
      problem: "is a plugin of this project, which the images of NocoBase's makers don't have",
      allowed: "open on platform docker only with images: local",
      fix: "write images: local, or none",
    });
  }
}

/** Every release that is named can be installed. */
export function releases(context: Context): void {
  const { parsed, releases: known, spec } = context;
  // Local images are made of the same lockfiles.
  const locked =
    platformCapabilities[spec.platform].releases === "lockfile" || spec.images.source === "local";
  if (!locked) return;
  const check = (version: string | undefined, at: readonly string[]) => {
    if (version === undefined || known.includes(version)) return;
    const meant = suggest(version, known);
    report(context, [...at, "release", "version"], {
      value: version,
      problem: "is not a release with a committed lockfile",
      allowed: listed(known),
      fix: meant
        ? `did you mean "${meant}"?`
        : "choose one of those, or commit a lockfile in providers/local/releases",
    });
  };
  const { values } = parsed;
  check(values.release?.version, []);
  check(values.entry.release?.version, ["entry"]);
  for (const [key, environment] of Object.entries(values.environments)) {
    check(environment.release?.version, ["environments", key]);
  }
  for (const [key, app] of Object.entries(values.apps)) {
    if (app.isolation === "dedicated") check(app.release?.version, ["apps", key]);
  }
}

/** No role may hold more connections than its server has. */
export function connections(context: Context): void {
  const { plan } = context;
  const limits = [
    ...(isTenant(context) ? [] : [plan.entry]),
    ...Object.values(plan.environments),
    ...Object.values(plan.apps),
  ];
  const places = new Map(owners(context).map(({ key, at }) => [key, at]));
  for (const { key, database } of limits) {
    const server = Object.hasOwn(plan.databaseServers, database.server)
      ? plan.databaseServers[database.server]
      : undefined;
    const at = places.get(key);
    if (!server || server.kind === "external" || !at) continue;
    const most = server.maxConnections - reservedConnections;
    if (database.connectionLimit <= most) continue;
    const place = [...at, "database", "connectionLimit"];
    report(context, place, {
      value: given(context, place) ?? database.connectionLimit,
      problem: `is more than server "${server.key}" has: maxConnections ${server.maxConnections}, ${reservedConnections} of them reserved`,
      allowed: `at most ${most}`,
      fix: `lower it, or raise nocobase-fleet:databaseServers.${server.key}.maxConnections`,
    });
  }
}
