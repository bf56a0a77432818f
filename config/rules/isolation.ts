/** What an app may say follows from how it runs. */
import { report, type Context } from "./context";

const dedicatedOnly = ["port", "env", "release", "resources", "heapLimitMiB"] as const;
const sharedOnly = ["environment", "startMode"] as const;
const reasons: Readonly<Record<(typeof dedicatedOnly)[number], string>> = {
  port: "it answers on its host's port",
  env: "it has its host's environment variables",
  release: "it runs its host's release",
  resources: "it shares its host's process, and so its limits",
  heapLimitMiB: "it lives in its host's heap",
};

/** Keys of a process for dedicated apps, keys of a guest for shared ones. */
export function isolation(context: Context): void {
  const { values, given } = context.parsed;
  const givenApps = given.apps as Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  for (const [key, app] of Object.entries(values.apps)) {
    const at = ["apps", key];
    const written = givenApps?.[key] ?? {};
    // With a faulty isolation nobody knows which keys fit.
    if (written.isolation !== undefined && written.isolation !== app.isolation) continue;
    if (app.isolation === "shared") {
      for (const name of dedicatedOnly) {
        if (written[name] === undefined) continue;
        report(context, [...at, name], {
          value: written[name],
          problem: `is set for a shared app: ${reasons[name]}`,
          allowed: "only with isolation: dedicated",
          fix: `remove it, set it on the host, or give the app isolation: dedicated`,
        });
      }
      continue;
    }
    if (app.state === "operator" && context.plan.supervisor !== "open") {
      report(context, [...at, "state"], {
        value: app.state,
        problem: "needs supervisor: open for a dedicated app: without it its process is its platform's alone",
        allowed: "running or stopped",
        fix: "write one of those, or supervisor: open, or give the app isolation: shared",
      });
    }
    for (const name of sharedOnly) {
      if (written[name] === undefined) continue;
      report(context, [...at, name], {
        value: written[name],
        problem: "is set for a dedicated app, which no other process hosts",
        allowed: "only with isolation: shared",
        fix: "remove it, or give the app isolation: shared",
      });
    }
  }
}
