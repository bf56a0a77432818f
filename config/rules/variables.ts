/** Environment variables: none that the fleet sets itself, no secret in plain text. */
import { ownedBy } from "../../plan/environment-variables";
import { formatPath, holdsCredentials, secretName, type Segment } from "../faults";
import { report, type Context } from "./context";

/** Variables in plain text, of the entry app, environments and dedicated apps. */
export function plainVariables(context: Context): void {
  const { entry, environments, apps, secretEnv } = context.parsed.values;
  const check = (process: string, at: readonly Segment[], env: Readonly<Record<string, string>>) => {
    for (const [name, value] of Object.entries(env)) {
      const place = [...at, "env", name];
      if (refuseOwned(context, place, name)) continue;
      if (secretName.test(name) || holdsCredentials(value)) {
        report(context, place, {
          problem: "looks like a secret in plain text",
          allowed: "variables without secrets",
          fix: `move it: pulumi config set --secret --path '${formatPath(["secretEnv", process, name])}'`,
        });
      } else if (name.startsWith("APPEND_PRESET_") && value.includes("multi-app-manager")) {
        report(context, place, {
          value,
          problem: "would give every app the right to create further apps in the shared process",
          fix: "remove multi-app-manager: the fleet switches it on in the hosting application alone",
        });
      } else if (Object.hasOwn(secretEnv, process) && Object.hasOwn(secretEnv[process] ?? {}, name)) {
        report(context, place, {
          problem: `is set twice: ${formatPath(["secretEnv", process, name])} has it, too`,
          fix: "remove one of the two",
        });
      }
    }
  };
  check("entry", ["entry"], entry.env);
  for (const [key, environment] of Object.entries(environments))
    check(key, ["environments", key], environment.env);
  for (const [key, app] of Object.entries(apps)) {
    if (app.isolation === "dedicated") check(key, ["apps", key], app.env);
  }
}

/** Secret variables. */
export function secretVariables(context: Context): void {
  for (const [process, variables] of Object.entries(context.parsed.values.secretEnv)) {
    for (const name of Object.keys(variables)) refuseOwned(context, ["secretEnv", process, name], name);
  }
}

function refuseOwned(context: Context, at: readonly Segment[], name: string): boolean {
  const reason = ownedBy(name);
  if (reason === undefined) return false;
  report(context, at, {
    problem: `is a variable that the fleet sets itself: ${reason}`,
    allowed: "variables that the fleet doesn't set",
    fix: "remove it",
  });
  return true;
}
