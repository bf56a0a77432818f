/** What platform kubernetes needs, and what other platforms have no use for. */
import { platformCapabilities } from "../../platforms/capabilities";
import type { InstanceSpec } from "../spec";
import { given, isTenant, owners, report, type Context } from "./context";
import { mostOf } from "./replicas";

/** Files of several replicas lie on one volume; an image must be there to be run. */
export function kubernetes(context: Context): void {
  const { spec } = context;
  if (spec.platform !== "kubernetes") {
    refuse(context);
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

/** What the platform can't do with apps. */
export function abilities(context: Context): void {
  const { platform, apps } = context.spec;
  const { sharedApps, backups } = platformCapabilities[platform];
  for (const [key, app] of Object.entries(apps)) {
    if (sharedApps || app.isolation === "dedicated") continue;
    report(context, ["apps", key, "isolation"], {
      value: "shared",
      problem: `platform ${platform} runs every app by itself so far`,
      allowed: "dedicated",
      fix: "write isolation: dedicated",
    });
  }
  if (backups) return;
  for (const { at } of owners(context)) {
    const place = [...at, "deletion"];
    if (given(context, place) !== "backup" && given(context, ["deletion"]) !== "backup") continue;
    report(context, given(context, place) === undefined ? ["deletion"] : place, {
      value: "backup",
      problem: `platform ${platform} takes no backups itself so far`,
      allowed: "protect, retain or delete",
      fix: "write retain, and back up with the database server's and the storage's own means",
    });
  }
}
