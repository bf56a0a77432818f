/** What platform kubernetes needs, and what other platforms have no use for. */
import type { InstanceSpec } from "../spec";
import { given, isTenant, report, type Context } from "./context";
import { mostOf } from "./replicas";

/** Files of several replicas lie on one volume; an image must be there to be run. */
export function kubernetes(context: Context): void {
  const { spec } = context;
  if (spec.platform !== "kubernetes") {
    // What a tenant's platform is shows only with it.
    if (!isTenant(context) || context.facts) refuse(context);
    return;
  }
  if (spec.kubernetes.image === undefined) {
    report(context, ["kubernetes", "image"], {
      problem: "is missing: pods are made from an image",
      allowed: "an image's name with a tag or a digest",
      fix: "run `fleet images build`, push the image to a registry that the cluster reaches, and name it here",
    });
  }
  if (!isTenant(context)) shared(context, ["entry"], spec.entry);
  for (const [key, app] of Object.entries(spec.apps)) {
    if (app.isolation === "dedicated") shared(context, ["apps", key], app);
  }
}

function shared(context: Context, at: readonly string[], instance: InstanceSpec): void {
  const most = mostOf(instance);
  if (most === 1 || instance.placement.storage.accessMode === "ReadWriteMany") return;
  report(context, [...at, "kubernetes", "storage", "accessMode"], {
    value: instance.placement.storage.accessMode,
    problem: `lets one node write, but there are to be up to ${most} replicas with the same files`,
    allowed: "ReadWriteMany for more than one replica",
    fix: "write ReadWriteMany and a storage class that has it, or replicas: 1",
  });
}

function refuse(context: Context): void {
  const { platform } = context.spec;
  const places = [
    ["kubernetes"],
    ...["entry"].map((key) => [key, "kubernetes"]),
    ...["environments", "apps"].flatMap((top) =>
      Object.keys(given(context, [top]) ?? {}).map((key) => [top, key, "kubernetes"]),
    ),
  ];
  for (const at of places) {
    const value = given(context, at);
    if (value === undefined) continue;
    report(context, at, {
      value,
      problem: `says something of a cluster, but the platform is ${platform}`,
      allowed: "platform kubernetes only",
      fix: "remove it, or write nocobase-fleet:platform: kubernetes",
    });
  }
}
