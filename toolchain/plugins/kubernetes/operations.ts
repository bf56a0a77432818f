/** Reads and writes of one object, and their previews. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Context, Props } from "../../../providers/kit/types";
import { Cluster } from "./api/cluster";
import { ApiError } from "./api/errors";
import { UnknownKind, type KubernetesObject } from "./api/kinds";
import { clusterConfig } from "./config";
import { fieldManagerOf, parseCheckpoint } from "./object/checkpoint";
import { CREATOR, handover, mustForce, withIgnored } from "./object/ownership";
import { annotation, limitSeconds } from "./ready";

/** A namespace, or the definition of a kind, may be made by the same run, a moment before. */
const MISSING_TRIES = 5;
const MISSING_PAUSE_MS = 500;
const HANDOVER_TRIES = 5;
const GONE_POLL_MS = 500;

const clusters = new WeakMap<Props, Cluster>();

/** The cluster of a provider configuration; one for all resources, so that connections and kinds are kept. */
export function clusterOf(config: Props): Cluster {
  const cluster = clusters.get(config) ?? new Cluster(clusterConfig(config).config);
  clusters.set(config, cluster);
  return cluster;
}

export async function isNamespaced(
  { apiVersion, kind }: KubernetesObject,
  { config }: Context,
): Promise<boolean> {
  // A kind that is not there yet is one of an operator, and nearly all of those lie in namespaces.
  return await clusterOf(config)
    .kinds.isNamespaced(apiVersion, kind)
    .catch((error: unknown) => {
      if (error instanceof UnknownKind) return true;
      throw error;
    });
}

export async function dryCreate(object: KubernetesObject, context: Context): Promise<KubernetesObject> {
  const { upsert } = clusterConfig(context.config);
  const cluster = clusterOf(context.config);
  const options = { fieldManager: CREATOR, dryRun: true, signal: context.signal };
  const made = upsert
    ? await cluster.apply(object, { ...options, force: true })
    : await cluster.create(object, options);
  // A program that looks at the status finds none before there is one.
  delete made.status;
  return made;
}

export async function dryUpdate(
  object: KubernetesObject,
  olds: Props,
  context: Context,
): Promise<KubernetesObject> {
  const cluster = clusterOf(context.config);
  const { live, fieldManager: had } = parseCheckpoint(olds);
  const found = await cluster.find(live, context.signal);
  if (!found)
    throw new ApiError(
      404,
      { message: "it is gone; `pulumi refresh` takes it out of the state" },
      cluster.address,
    );
  const force = isForced(object, context) || mustForce(found, true);
  const fieldManager = fieldManagerOf(object, had);
  const applied = withIgnored(object, found, fieldManager, context.ignoreChanges ?? []);
  return await cluster.apply(applied, {
    fieldManager,
    dryRun: true,
    force,
    signal: context.signal,
  });
}

/** What only shows when it is done: another step of this run must come first, or nobody may try. */
export function isNoPreview(error: unknown, isCreate: boolean): boolean {
  if (error instanceof UnknownKind) return true;
  if (!(error instanceof ApiError)) return false;
  const isRole = error.code === 403 && error.message.includes("cannot ");
  const isReplaced = isCreate && error.reason === "AlreadyExists";
  return (
    isRole || isReplaced || error.isNamespaceMissing || error.message.includes("does not support dry run")
  );
}

export async function createObject(
  object: KubernetesObject,
  fieldManager: string,
  context: Context,
): Promise<KubernetesObject> {
  const cluster = clusterOf(context.config);
  const { upsert } = clusterConfig(context.config);
  const { signal } = context;
  for (let tries = 1; ; tries++) {
    try {
      return upsert
        ? await cluster.apply(object, { fieldManager, force: isForced(object, context), signal })
        : await cluster.create(object, { fieldManager: CREATOR, signal });
    } catch (error) {
      const isMissing = error instanceof UnknownKind || (error instanceof ApiError && error.isNotFound);
      if (!isMissing || tries === MISSING_TRIES) throw error;
      context.status(`waiting: ${error.message}`);
    }
    await sleep(MISSING_PAUSE_MS * 2 ** (tries - 1), undefined, { signal });
  }
}

export async function updateObject(
  object: KubernetesObject,
  fieldManager: string,
  olds: Props,
  context: Context,
) {
  const cluster = clusterOf(context.config);
  const { signal } = context;
  for (let tries = 1; ; tries++) {
    const before = await cluster.find(parseCheckpoint(olds).live, signal);
    if (!before) {
      const message =
        "it is gone. Run `fleet refresh` (or `pulumi refresh`), which takes it out of the state, then the same command again.";
      throw new ApiError(404, { message }, cluster.address);
    }
    const operations = handover(before, fieldManager);
    try {
      const owned = operations ? await cluster.patch(before, operations, { signal }) : before;
      const force = isForced(object, context) || mustForce(owned, false);
      const applied = withIgnored(object, owned, fieldManager, context.ignoreChanges ?? []);
      return { before, after: await cluster.apply(applied, { fieldManager, force, signal }) };
    } catch (error) {
      // Somebody, mostly a controller with the object's status, has written between reading and handing over.
      const isOvertaken =
        error instanceof ApiError && error.code === 422 && /testing|test operation/i.test(error.message);
      if (!isOvertaken || tries === HANDOVER_TRIES) throw error;
    }
  }
}

function isForced(object: KubernetesObject, { config }: Context): boolean {
  return clusterConfig(config).patchForce || annotation(object, "patchForce") === "true";
}

export async function deleteObject(
  live: KubernetesObject,
  inputs: KubernetesObject,
  context: Context,
): Promise<void> {
  const cluster = clusterOf(context.config);
  const { signal } = context;
  const policy = annotation(inputs, "deletionPropagationPolicy");
  const propagation = policy === "background" ? "Background" : policy === "orphan" ? "Orphan" : "Foreground";
  if (!(await cluster.delete(live, { propagation, signal }))) return;
  const limit = Date.now() + limitSeconds(live, context) * 1000;
  for (;;) {
    const found = await cluster.find(live, signal);
    if (!found || found.metadata.uid !== live.metadata.uid) return;
    const reasons = whatHolds(found);
    if (Date.now() > limit) throw new Error(`it is still there: ${reasons}`);
    context.status(`waiting until it is gone: ${reasons}`);
    await sleep(GONE_POLL_MS, undefined, { signal });
  }
}

/** Finalizers, and what a namespace says about its contents. */
function whatHolds({ kind, metadata, status }: KubernetesObject): string {
  const finalizers = (metadata.finalizers ?? []) as string[];
  const conditions =
    kind !== "Namespace"
      ? []
      : (((status as Props | undefined)?.conditions ?? []) as {
          status?: string;
          message?: string;
        }[]);
  const messages = conditions.flatMap(({ status: holds, message }) =>
    holds === "True" && message ? [message] : [],
  );
  return (
    [...messages, ...finalizers.map((name) => `finalizer ${name}`)].join("; ") || "its controller works on it"
  );
}
