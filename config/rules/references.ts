/** What one part of a stack file names in another. */
import { formatPath } from "../faults";
import { isMap } from "../plain";
import { listed, suggest } from "../suggest";
import {
  declared,
  declaredServers,
  given,
  isTenant,
  owners,
  report,
  unknowable,
  type Context,
} from "./context";

/** An app's environment is declared. */
export function environments(context: Context): void {
  if (unknowable(context, "environments") || isTenant(context)) return;
  const names = declared(context, "environments");
  const known = new Set(names);
  for (const [key, app] of Object.entries(context.parsed.values.apps)) {
    if (app.environment === undefined || known.has(app.environment) || app.isolation === "dedicated")
      continue;
    const meant = suggest(app.environment, names);
    const entry = app.environment === "entry";
    report(context, ["apps", key, "environment"], {
      value: app.environment,
      problem: entry ? "is the entry app, not an environment" : "is not a declared environment",
      allowed: listed(names),
      fix: entry
        ? "leave the key out: the entry app hosts an app without an environment"
        : meant
          ? `did you mean "${meant}"?`
          : `declare ${formatPath(["environments", app.environment])}, or leave the key out to run in the entry app`,
    });
  }
}

/** Each database is on a declared server, and it is clear which. */
export function databaseServers(context: Context): void {
  if (unknowable(context, "databaseServers") || isTenant(context)) return;
  const names = declaredServers(context);
  const known = new Set(names);
  if (names.length === 0) {
    report(context, ["databaseServers"], {
      problem: "declares no server",
      allowed: "at least one database server",
      fix: "declare one, e.g. main: { kind: managed }, or leave the key out for that one",
    });
    return;
  }
  for (const { at } of owners(context)) {
    const place = [...at, "database", "server"];
    const server = given(context, place);
    if (server === undefined && names.length > 1) {
      report(context, place, {
        problem: "is missing: several servers are declared and none is the default",
        allowed: listed(names),
        fix: "name one of them",
      });
    } else if (typeof server === "string" && !known.has(server)) {
      const meant = suggest(server, names);
      report(context, place, {
        value: server,
        problem: "is not a declared database server",
        allowed: listed(names),
        fix: meant ? `did you mean "${meant}"?` : `declare ${formatPath(["databaseServers", server])}`,
      });
    }
  }
}

/** Each external server has its administrator's password, and only those. */
export function passwords(context: Context): void {
  if (unknowable(context, "databaseServers")) return;
  const names = declaredServers(context);
  const known = new Set(names);
  const passwords = context.parsed.values.databaseServerPasswords;
  for (const [key, server] of Object.entries(context.spec.databaseServers)) {
    const at = ["databaseServerPasswords", key];
    const present = Object.hasOwn(passwords, key);
    if (server.kind === "external" && !present) {
      report(context, at, {
        problem: "is missing: the server is external",
        allowed: "the administrator's password, as a secret",
        fix: `pulumi config set --secret --path '${formatPath(at)}'`,
      });
    } else if (server.kind !== "external" && present) {
      report(context, at, {
        problem: `is not used: server "${key}" is ${server.kind}, ${server.kind === "managed" ? "its password is generated" : "it has no administrator that signs in"}`,
        allowed: "passwords of external servers",
        fix: "remove it",
      });
    }
  }
  for (const key of Object.keys(passwords)) {
    if (known.has(key)) continue;
    const meant = suggest(key, names);
    report(context, ["databaseServerPasswords", key], {
      problem: "belongs to no declared database server",
      allowed: listed(names),
      fix: meant ? `did you mean "${meant}"?` : "remove it",
    });
  }
}

/** Secret environment variables belong to a process of the fleet. */
export function secretOwners(context: Context): void {
  const keys = Object.keys(context.parsed.values.secretEnv);
  if (keys.length === 0 || unknowable(context, "environments") || unknowable(context, "apps")) return;
  const { apps } = context.plan;
  const known = new Set(declared(context, "environments"));
  const dedicated = Object.keys(apps).filter((key) => apps[key]?.isolation === "dedicated");
  const processes = isTenant(context) ? dedicated : ["entry", ...known, ...dedicated];
  for (const key of keys) {
    if (processes.includes(key) || (!Object.hasOwn(apps, key) && isMap(given(context, ["apps", key]))))
      continue;
    const shared = Object.hasOwn(apps, key);
    const meant = suggest(key, processes);
    report(context, ["secretEnv", key], {
      problem: shared
        ? "is a shared app: it has no process and no environment variables of its own"
        : "is no process of this fleet",
      allowed: listed(processes),
      fix: shared
        ? "set them for its host, or give the app isolation: dedicated"
        : meant
          ? `did you mean "${meant}"?`
          : "remove it",
    });
  }
}
