/** Keys, and the names of databases and processes that follow from them. */
import { formatPath } from "../faults";
import { keyAllowed } from "../schema/fields";
import type { DatabasePlan } from "../../plan/types";
import { declared, eachClash, given, owners, report, type Claim, type Context } from "./context";

const yamlWord = "YAML readers take it for a truth value or nothing";
const yamlWords = Object.fromEntries(
  ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].map((word) => [word, yamlWord]),
);
const reservedEverywhere: Readonly<Record<string, string>> = {
  ...yamlWords,
  constructor: "JavaScript reserves it",
};
const reserved: Readonly<Record<string, string>> = {
  ...reservedEverywhere,
  entry: "it is the entry app's",
  main: "NocoBase reserves it for the application that hosts the others",
  postgres: "it is a database of PostgreSQL's own, which NocoBase would attach to",
  template0: "it is a database of PostgreSQL's own, which NocoBase would attach to",
  template1: "it is a database of PostgreSQL's own, which NocoBase would attach to",
};
const ownDatabases = new Set(["postgres", "template0", "template1"]);

/** Keys that are taken by NocoBase, PostgreSQL, YAML, JavaScript or another declaration. */
export function keys(context: Context): void {
  for (const top of ["environments", "apps"] as const) {
    for (const key of declared(context, top)) refuseReserved(context, [top, key], reserved);
  }
  for (const key of Object.keys(context.spec.databaseServers)) {
    refuseReserved(context, ["databaseServers", key], reservedEverywhere);
  }
  const environments = new Set(declared(context, "environments"));
  for (const key of declared(context, "apps")) {
    if (!environments.has(key)) continue;
    report(context, ["apps", key], {
      problem: `the key "${key}" is used twice: ${formatPath(["environments", key])} has it too, and both would answer at ${key}.${context.spec.gateway.domain}`,
      allowed: "a key that no environment and no other app has",
      fix: "rename one of the two",
    });
  }
}

function refuseReserved(
  context: Context,
  at: readonly string[],
  names: Readonly<Record<string, string>>,
): void {
  const key = at.at(-1) ?? "";
  if (!Object.hasOwn(names, key)) return;
  report(context, at, {
    problem: `the key "${key}" is reserved: ${names[key] ?? ""}`,
    allowed: keyAllowed,
    fix: `rename it, e.g. ${key}-${at[0] === "apps" ? "app" : at[0] === "environments" ? "env" : "server"}`,
  });
}

/** Database and role names: each once per server, none of PostgreSQL's own, none that NocoBase would confuse with an app. */
export function databases(context: Context): void {
  const claims: Claim[] = [];
  const roles: Claim[] = [];
  const explicitNames = new Map<string, string>();
  for (const { key, at } of owners(context)) {
    const database = databaseOf(context, key);
    if (!database) continue;
    const place = [...at, "database", "name"];
    const explicit = given(context, place) !== undefined;
    claims.push({ id: `${database.server}\0${database.name}`, at: place, explicit });
    roles.push({ id: `${database.server}\0${database.role}`, at, explicit: false });
    if (!explicit) continue;
    explicitNames.set(`${database.server}\0${database.name}`, key);
    const server = context.plan.databaseServers[database.server];
    const maintenance = server?.kind === "external" && server.maintenanceDatabase === database.name;
    if (!ownDatabases.has(database.name) && !maintenance) continue;
    report(context, place, {
      value: database.name,
      problem: "is a database that every PostgreSQL server needs for itself",
      allowed: "a name that is not postgres, template0, template1 or the server's maintenanceDatabase",
      fix: `choose another name or leave it out: it is ${database.role} by default`,
    });
  }
  eachClash(claims, (loser, holder) => {
    // Two derived names come with two derived roles, which are reported below.
    if (!loser.explicit) return;
    report(context, loser.at, {
      value: nameIn(loser.id),
      problem: `is the database name of ${formatPath(holder.at.slice(0, -2))} on the same server, too`,
      allowed: "a database name that nothing else on the server has",
      fix: "choose another name, or leave it out for the derived one",
    });
  });
  eachClash(roles, (loser, holder) => {
    report(context, loser.at, {
      problem: `gets the database role ${nameIn(loser.id)}, which ${formatPath(holder.at)} gets, too`,
      fix: "rename it to something shorter",
    });
  });
  for (const { id, at } of roles) refuseAdministrator(context, id, at);
  if (explicitNames.size > 0) refuseAttaching(context, explicitNames);
}

function refuseAdministrator(context: Context, id: string, at: Claim["at"]): void {
  const [server = "", role] = id.split("\0");
  const plan = context.plan.databaseServers[server];
  if (plan?.kind !== "external" || plan.adminUser !== role) return;
  report(context, at, {
    problem: `would get the database role ${role}, which is the administrator of ${formatPath(["databaseServers", server])}`,
    fix: "rename it, or give the server another adminUser",
  });
}

/** NocoBase attaches an app to a database of the app's own name, whoever owns that database. */
function refuseAttaching(context: Context, names: ReadonlyMap<string, string>): void {
  for (const app of Object.values(context.plan.apps)) {
    const hostDatabase = app.host === undefined ? undefined : databaseOf(context, app.host);
    for (const server of new Set([app.database.server, hostDatabase?.server ?? app.database.server])) {
      const owner = names.get(`${server}\0${app.name}`);
      if (owner === undefined || owner === app.key) continue;
      report(context, ["apps", app.key], {
        problem: `the key "${app.key}" is also the name of a database on server "${server}" (that of "${owner}"), and NocoBase would attach the app to it`,
        allowed: "a key that is no other's database name",
        fix: "rename the app, or change the database's name",
      });
    }
  }
}

/** Process and folder names: different keys that are cut to the same. */
export function instances(context: Context): void {
  const { entry, environments, apps, databaseServers } = context.plan;
  const claims: Claim[] = [
    { id: entry.name, at: ["entry"], explicit: false },
    ...Object.values(environments).map(({ key, name }) => ({
      id: name,
      at: ["environments", key],
      explicit: false,
    })),
    ...Object.values(apps).flatMap(({ key, instance }) =>
      instance ? [{ id: instance.name, at: ["apps", key], explicit: false }] : [],
    ),
    ...Object.values(databaseServers).map(({ key, name }) => ({
      id: name,
      at: ["databaseServers", key],
      explicit: false,
    })),
  ];
  eachClash(claims, (loser, holder) => {
    report(context, loser.at, {
      problem: `is cut to the name ${loser.id}, which ${formatPath(holder.at)} has, too`,
      fix: "rename it to something shorter",
    });
  });
}

function databaseOf(context: Context, key: string): DatabasePlan | undefined {
  const { entry, environments, apps } = context.plan;
  if (key === "entry") return entry.database;
  const owner = Object.hasOwn(environments, key)
    ? environments[key]
    : Object.hasOwn(apps, key)
      ? apps[key]
      : undefined;
  return owner?.database;
}

function nameIn(id: string): string {
  return id.slice(id.indexOf("\0") + 1);
}
