/** What a tenant's stack file leaves to its platform, and what it names there. */
import { isMap } from "../plain";
import type { TopLevelKey } from "../schema/stack";
import { listed, suggest } from "../suggest";
import { declaredServers, given, isTenant, report, unknowable, type Context } from "./context";

const ofPlatform: readonly TopLevelKey[] = [
  "platform",
  "topology",
  "supervisor",
  "licenses",
  "gateway",
  "entry",
  "environments",
];

/** A tenant declares apps and database servers only; environments and servers that its apps name are its platform's. */
export function tenant(context: Context): void {
  const { platformStack } = context.spec;
  if (!isTenant(context) || platformStack === undefined) return;
  for (const key of ofPlatform) {
    const value = given(context, [key]);
    if (value === undefined) continue;
    report(context, [key], {
      value,
      problem: `is the platform's to say: this file adds apps to stack ${platformStack}`,
      allowed: "apps, databaseServers, and defaults for the apps",
      fix: `remove it here; it stands in the stack file of ${platformStack}`,
    });
  }
  if (platformStack.split("/").at(-1) === context.spec.stack && !platformStack.includes("/")) {
    report(context, ["platformStack"], {
      value: platformStack,
      problem: "is this very stack",
      allowed: "another stack",
      fix: "name the stack that has the environments and servers",
    });
  }
  hosts(context, platformStack);
  servers(context, platformStack);
}

/** Each shared app names an environment of the platform. */
function hosts(context: Context, platformStack: string): void {
  const names = context.facts && Object.keys(context.facts.environments);
  const allowed = names ? listed(names) : `an environment of stack ${platformStack}`;
  for (const [key, app] of Object.entries(context.parsed.values.apps)) {
    if (app.isolation === "dedicated") continue;
    const at = ["apps", key, "environment"];
    if (app.environment === undefined) {
      const fix = "name one, or give the app isolation: dedicated";
      report(context, at, {
        problem: "is missing: a tenant's shared app runs in an environment",
        allowed,
        fix,
      });
    } else if (names && !names.includes(app.environment)) {
      const meant = suggest(app.environment, names);
      report(context, at, {
        value: app.environment,
        problem: `is no environment of the platform stack ${platformStack}`,
        allowed,
        fix: meant
          ? `did you mean "${meant}"?`
          : "name one of those, or declare it there and bring it up first",
      });
    }
  }
}

/** Each database is on a server of the tenant or of the platform, and it is clear on which. */
function servers(context: Context, platformStack: string): void {
  if (unknowable(context, "databaseServers")) return;
  const own = declaredServers(context);
  const theirs = context.facts && Object.keys(context.facts.databaseServers);
  for (const key of own.filter((each) => theirs?.includes(each))) {
    report(context, ["databaseServers", key], {
      problem: `is also a database server of the platform stack ${platformStack}`,
      allowed: "a key that no server of the platform has",
      fix: "rename it",
    });
  }
  const names = [...own, ...(theirs ?? [])];
  const candidates = own.length > 0 ? own : (theirs ?? []);
  const declared = given(context, ["apps"]);
  for (const [key, app] of Object.entries(isMap(declared) ? declared : {})) {
    const at = ["apps", key, "database", "server"];
    const server = isMap(app) ? given(context, at) : undefined;
    if (server === undefined) {
      if (theirs && candidates.length === 0) {
        report(context, at, {
          problem: `has nothing to stand for: stack ${platformStack} has no database server for tenants, since those of CloudNativePG hold its own apps alone`,
          allowed: "a server below databaseServers",
          fix: "declare one there with kind: external",
        });
      }
      if (candidates.length < 2) continue;
      const fix = "name one of them";
      const problem = "is missing: there are several servers and none is the default";
      report(context, at, { problem, allowed: listed(candidates), fix });
    } else if (theirs && typeof server === "string" && !names.includes(server)) {
      const meant = suggest(server, names);
      report(context, at, {
        value: server,
        problem: `is a database server neither of this file nor of the platform stack ${platformStack}`,
        allowed: listed(names),
        fix: meant ? `did you mean "${meant}"?` : "name one of those, or declare it below databaseServers",
      });
    }
  }
}
