/** One cluster: objects by kind and name, over {@link ApiClient}. */
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { ApiClient, type ApiRequest } from "./client";
import { ApiError } from "./errors";
import { Kinds, UnknownKind, type KubernetesObject } from "./kinds";
import { sameValue } from "../../../../providers/kit/values";
import { prune } from "../object/prune";

export interface WriteOptions {
  fieldManager?: string;
  /** Have the server check and complete the object, and change nothing. */
  dryRun?: boolean;
  /** Take fields over from other managers. */
  force?: boolean;
  signal?: AbortSignal;
}

/** What names an object. */
export type Reference = Pick<KubernetesObject, "apiVersion" | "kind" | "metadata">;

/** Unknown fields are refused, not dropped. */
const STRICT = { fieldValidation: "Strict" };

export class Cluster {
  readonly client: ApiClient;
  readonly kinds: Kinds;

  constructor(config: KubeConfig, patienceMs?: number) {
    this.client = new ApiClient(config, patienceMs);
    this.kinds = new Kinds(this.client);
  }

  get address(): string {
    return this.client.address;
  }

  /** @throws ApiError with `AlreadyExists` where there is one of that name */
  async create(object: KubernetesObject, options: WriteOptions = {}): Promise<KubernetesObject> {
    const path = await this.kinds.path(object);
    try {
      return await this.write({ method: "POST", path, body: object }, options);
    } catch (error) {
      const mayBeOurs = error instanceof ApiError && error.reason === "AlreadyExists" && error.isRepeated;
      const found = mayBeOurs ? await this.find(object, options.signal) : undefined;
      if (found && isMadeOf(found, object, options.fieldManager)) return found;
      throw error;
    }
  }

  /** Server-side apply. @throws ApiError 409 where fields belong to another manager */
  async apply(object: KubernetesObject, options: WriteOptions): Promise<KubernetesObject> {
    const path = await this.kinds.path(object, object.metadata.name);
    const contentType = "application/apply-patch+yaml";
    const query = { force: options.force ?? false };
    return await this.write({ method: "PATCH", path, body: object, contentType, query }, options);
  }

  /** JSON patch (RFC 6902). */
  async patch(
    reference: Reference,
    operations: unknown[],
    options: WriteOptions = {},
  ): Promise<KubernetesObject> {
    const path = await this.kinds.path(reference, reference.metadata.name);
    const contentType = "application/json-patch+json";
    return await this.write({ method: "PATCH", path, body: operations, contentType }, options);
  }

  async replace(object: KubernetesObject, options: WriteOptions = {}): Promise<KubernetesObject> {
    const path = await this.kinds.path(object, object.metadata.name);
    return await this.write({ method: "PUT", path, body: object }, options);
  }

  /** @returns undefined where the object, or its kind, is not there */
  async find(reference: Reference, signal?: AbortSignal): Promise<KubernetesObject | undefined> {
    return await unlessGone(async () => {
      const path = await this.kinds.path(reference, reference.metadata.name);
      return (await this.client.request({ method: "GET", path, signal })) as KubernetesObject;
    });
  }

  /** Objects of the reference's kind in its namespace. @param selector labels that each must have */
  async list(
    reference: Omit<Reference, "metadata"> & { metadata: { namespace?: string } },
    selector: Readonly<Record<string, string>> = {},
    signal?: AbortSignal,
  ): Promise<KubernetesObject[]> {
    const path = await this.kinds.path(reference);
    const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
    const query = { labelSelector: labels.join(",") || undefined };
    const list = await this.client.request({ method: "GET", path, query, signal });
    return (list.items ?? []) as KubernetesObject[];
  }

  /** @returns false where it was gone already */
  async delete(
    reference: Reference,
    options: {
      propagation?: "Foreground" | "Background" | "Orphan";
      uid?: string;
      signal?: AbortSignal;
    } = {},
  ): Promise<boolean> {
    const { propagation = "Foreground", uid, signal } = options;
    const body = { propagationPolicy: propagation, ...(uid ? { preconditions: { uid } } : {}) };
    const gone = await unlessGone(async () => {
      const path = await this.kinds.path(reference, reference.metadata.name);
      return await this.client.request({ method: "DELETE", path, body, signal });
    });
    return gone !== undefined;
  }

  private async write(request: ApiRequest, options: WriteOptions): Promise<KubernetesObject> {
    const { fieldManager, dryRun, signal } = options;
    const query = { ...STRICT, fieldManager, dryRun: dryRun ? "All" : undefined, ...request.query };
    return (await this.client.request({ ...request, query, signal })) as KubernetesObject;
  }
}

async function unlessGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if ((error instanceof ApiError && error.isNotFound) || error instanceof UnknownKind) return undefined;
    throw error;
  }
}

/** Nobody but this manager has written to the object, and it holds all that was sent. */
function isMadeOf(found: KubernetesObject, sent: KubernetesObject, manager: string | undefined): boolean {
  const managers = (found.metadata.managedFields ?? []) as { manager?: string; subresource?: string }[];
  const own = managers.filter(({ subresource }) => !subresource);
  return own.every((entry) => entry.manager === manager) && sameValue(prune(found, sent), sent);
}
