/** What NocoBase's own supervisor decides itself, and so can't be declared beside it. */
import { listed, suggest } from "../suggest";
import { declared, given, isTenant, report, unknowable, type Context } from "./context";

/** It has environments to control, one process of the entry app, and makes its apps itself. */
export function supervised(context: Context): void {
  const { spec } = context;
  if (spec.supervisor !== "official" || isTenant(context)) return;
  if (!unknowable(context, "environments") && declared(context, "environments").length === 0) {
    report(context, ["supervisor"], {
      value: "official",
      problem: "has nothing to control: no environment is declared",
      allowed: "official only in a hybrid fleet with environments",
      fix: "declare one, e.g. environments: { blue: {} }, or write none",
    });
  }
  if (spec.entry.replicas > 1) {
    report(context, ["entry", "replicas"], {
      value: given(context, ["entry", "replicas"]),
      problem:
        "is more than one, but the official supervisor's entry app shares nothing between processes here",
      allowed: "1 with supervisor: official",
      fix: "remove it",
    });
  }
  for (const [key, app] of Object.entries(spec.apps)) {
    if (app.isolation === "dedicated") continue;
    report(context, ["apps", key, "isolation"], {
      value: "shared",
      problem:
        "is not this file's to say: with supervisor: official, apps in environments are made in the entry app",
      allowed: "dedicated with supervisor: official",
      fix: "make it in the entry app, or write isolation: dedicated here",
    });
  }
}

/** Licence keys belong to processes that the official supervisor runs in. */
export function licenses(context: Context): void {
  const keys = Object.keys(context.parsed.values.licenses);
  if (keys.length === 0 || isTenant(context) || unknowable(context, "environments")) return;
  const official = context.spec.supervisor === "official";
  const processes = ["entry", ...declared(context, "environments")];
  for (const key of keys) {
    if (official && processes.includes(key)) continue;
    const meant = official ? suggest(key, processes) : undefined;
    report(context, ["licenses", key], {
      problem: official
        ? "belongs neither to the entry app nor to an environment"
        : "is used by supervisor: official alone",
      allowed: official ? listed(processes) : "licence keys with supervisor: official",
      fix: meant ? `did you mean "${meant}"?` : "remove it",
    });
  }
}
