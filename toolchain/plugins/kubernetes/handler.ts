/** Any object of the Kubernetes API. */
import { PartialFailure } from "../../../providers/kit/types";
import type {
  CheckFailure,
  CheckOutcome,
  Props,
  ReadOutcome,
  ResourceHandler,
} from "../../../providers/kit/types";
import { ApiError } from "./api/errors";
import type { KubernetesObject } from "./api/kinds";
import { REMEDY, clusterConfig } from "./config";
import {
  INPUT_COPIES,
  checkpoint,
  fieldManagerOf,
  idOf,
  parseCheckpoint,
  parseId,
  withSecretData,
} from "./object/checkpoint";
import { diffObject } from "./object/diff";
import { hasUnknown, normalize } from "./object/normalize";
import { prune } from "./object/prune";
import {
  clusterOf,
  createObject,
  deleteObject,
  dryCreate,
  dryUpdate,
  isNamespaced,
  isNoPreview,
  updateObject,
} from "./operations";
import { NotReady, awaitReady } from "./ready";
import { apiVersionOf } from "./tokens";

export const anyObject: ResourceHandler = {
  inputCopies: INPUT_COPIES,
  secretLists: true,

  async check(news, _olds, context): Promise<CheckOutcome> {
    const object = news as KubernetesObject;
    const failures = nameFaults(object);
    if (failures.length > 0) return { inputs: news, failures };
    const inputs = normalize(object);
    const { namespace } = clusterConfig(context.config);
    if (namespace !== undefined && !inputs.metadata.namespace && (await isNamespaced(inputs, context))) {
      inputs.metadata.namespace = namespace;
    }
    return { inputs: withSecretData(inputs) };
  },

  diff: (_id, olds, news, { config, ignoreChanges }) =>
    diffObject(olds, news as KubernetesObject, clusterConfig(config).mutable, ignoreChanges),

  async preview(inputs, context, olds) {
    const object = inputs as KubernetesObject;
    if (hasUnknown(object)) return withSecretData(inputs);
    try {
      const live = olds ? await dryUpdate(object, olds, context) : await dryCreate(object, context);
      const { initialApiVersion } = olds ? parseCheckpoint(olds) : { initialApiVersion: object.apiVersion };
      const fieldManager = fieldManagerOf(object, olds ? parseCheckpoint(olds).fieldManager : undefined);
      return checkpoint({ inputs: object, live, fieldManager, initialApiVersion });
    } catch (error) {
      if (isNoPreview(error, olds === undefined)) return withSecretData(inputs);
      throw problem(olds ? "update" : "create", object, error);
    }
  },

  async create(inputs, context) {
    const object = inputs as KubernetesObject;
    const cluster = clusterOf(context.config);
    const fieldManager = fieldManagerOf(object);
    const initialApiVersion = object.apiVersion;
    const made = await createObject(object, fieldManager, context).catch((error: unknown) => {
      throw problem("create", object, error);
    });
    const outcome = (live: KubernetesObject) =>
      checkpoint({ inputs: object, live, fieldManager, initialApiVersion });
    try {
      const live = await awaitReady(made, { cluster, context });
      return { id: idOf(live), outputs: outcome(live) };
    } catch (error) {
      throw partial("create", object, error, made, outcome);
    }
  },

  async read(id, state, context, inputs): Promise<ReadOutcome> {
    const cluster = clusterOf(context.config);
    const isImport = Object.keys(state).length === 0;
    const reference = isImport ? referenceOf(id, context.urn) : parseCheckpoint(state).live;
    const live = await cluster.find(reference, context.signal).catch((error: unknown) => {
      throw problem("read", reference, error);
    });
    if (!live) return { id: undefined, outputs: {}, inputs: {} };
    const { fieldManager, initialApiVersion } = parseCheckpoint(isImport ? live : state);
    const known =
      Object.keys(inputs).length === 0
        ? importedInputs(live)
        : prune(live, normalize(inputs as KubernetesObject));
    return {
      id,
      outputs: checkpoint({ inputs: known, live, fieldManager, initialApiVersion }),
      inputs: withSecretData(known),
    };
  },

  async update(_id, olds, news, context) {
    const object = normalize(news as KubernetesObject);
    const cluster = clusterOf(context.config);
    const { fieldManager: had, initialApiVersion } = parseCheckpoint(olds);
    const fieldManager = fieldManagerOf(object, had);
    const { before, after } = await updateObject(object, fieldManager, olds, context).catch(
      (error: unknown) => {
        throw problem("update", object, error);
      },
    );
    const outcome = (live: KubernetesObject) =>
      checkpoint({ inputs: object, live, fieldManager, initialApiVersion });
    try {
      return outcome(await awaitReady(after, { cluster, context, before }));
    } catch (error) {
      throw partial("update", object, error, after, outcome);
    }
  },

  async delete(id, state, context) {
    const { inputs, live } = parseCheckpoint(state);
    try {
      await deleteObject(
        { ...live, metadata: { ...live.metadata, name: parseId(id).name } },
        inputs,
        context,
      );
    } catch (error) {
      throw problem("delete", live, error);
    }
  },
};

function nameFaults({ apiVersion, kind, metadata }: Partial<KubernetesObject>): CheckFailure[] {
  const missing = (["apiVersion", "kind"] as const).filter((key) => !{ apiVersion, kind }[key]);
  const faults: CheckFailure[] = missing.map((key) => ({ property: key, reason: `${key} is missing.` }));
  if (metadata?.generateName !== undefined) {
    faults.push({
      property: "metadata.generateName",
      reason: "metadata.generateName: server-side apply needs a name.",
    });
  } else if (!metadata?.name) {
    const reason = `metadata.name is missing: this stand-in plugin makes up no names. Give one. ${REMEDY}`;
    faults.push({ property: "metadata.name", reason });
  }
  return faults;
}

function referenceOf(id: string, urn: string): KubernetesObject {
  const type = urn.split("::")[2]?.split("$").pop() ?? "";
  return { ...apiVersionOf(type), metadata: parseId(id) };
}

/** What a program would have to say to have this object. */
function importedInputs(live: KubernetesObject): KubernetesObject {
  const copy = { ...live };
  delete copy.status;
  return normalize(copy);
}

function nameOf(object: Pick<KubernetesObject, "kind" | "metadata">): string {
  return `${object.kind} ${idOf(object as KubernetesObject)}`;
}

function problem(verb: string, object: Pick<KubernetesObject, "kind" | "metadata">, error: unknown): Error {
  if (!(error instanceof Error) || error.name === "AbortError") return error as Error;
  const exists = error instanceof ApiError && error.reason === "AlreadyExists" ? existsAdvice() : "";
  return new Error(`Can't ${verb} ${nameOf(object)}: ${error.message}${exists}`);
}

function existsAdvice(): string {
  return ". It is not this stack's, and is left as it is. Rename yours, delete the other, or take it over with `pulumi import`.";
}

function partial(
  verb: string,
  object: KubernetesObject,
  error: unknown,
  written: KubernetesObject,
  outcome: (live: KubernetesObject) => Props,
): PartialFailure {
  const live = error instanceof NotReady ? error.live : written;
  const message = error instanceof Error ? error.message : String(error);
  const done = verb === "create" ? "was made" : "was updated";
  return new PartialFailure(
    `${nameOf(object)} ${done}, but is not ready: ${message}`,
    idOf(live),
    outcome(live),
  );
}
