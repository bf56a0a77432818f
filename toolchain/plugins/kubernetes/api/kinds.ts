/** From an object to its address: the API server itself tells which kinds it has. */
import type { Props } from "../../../../providers/kit/types";
import type { ApiClient } from "./client";
import { ApiError } from "./errors";

export interface KubernetesObject extends Props {
  apiVersion: string;
  kind: string;
  metadata: Props & { name?: string; namespace?: string };
}

interface Resource {
  /** Plural name, as in paths. */
  name: string;
  kind: string;
  namespaced: boolean;
}

/** The API server does not know an object's kind. */
export class UnknownKind extends Error {}

export class Kinds {
  private readonly groups = new Map<string, Promise<Resource[]>>();

  constructor(private readonly client: ApiClient) {}

  /** Whether the API server has this kind. */
  async has(apiVersion: string, kind: string): Promise<boolean> {
    return (await this.resourcesOf(apiVersion)).some((resource) => resource.kind === kind);
  }

  /** @throws UnknownKind where the API server has no such kind */
  async isNamespaced(apiVersion: string, kind: string): Promise<boolean> {
    return (await this.resource(apiVersion, kind)).namespaced;
  }

  /**
   * Path of a collection, and of an object in it where `name` is given.
   * @throws UnknownKind where the API server has no such kind
   */
  async path({ apiVersion, kind, metadata }: KubernetesObject, name?: string): Promise<string> {
    const resource = await this.resource(apiVersion, kind);
    const namespace = resource.namespaced ? `/namespaces/${metadata.namespace ?? "default"}` : "";
    const collection = `${root(apiVersion)}${namespace}/${resource.name}`;
    return name === undefined ? collection : `${collection}/${encodeURIComponent(name)}`;
  }

  private async resource(apiVersion: string, kind: string): Promise<Resource> {
    const found = (await this.resourcesOf(apiVersion)).find((resource) => resource.kind === kind);
    if (found) return found;
    // The kind's definition may have been made a moment ago, by this very run.
    this.groups.delete(apiVersion);
    const again = (await this.resourcesOf(apiVersion)).find((resource) => resource.kind === kind);
    if (again) return again;
    throw new UnknownKind(
      `The API server at ${this.client.address} has no kind ${kind} in ${apiVersion}. ` +
        "Install the operator or CustomResourceDefinition that brings it.",
    );
  }

  private async resourcesOf(apiVersion: string): Promise<Resource[]> {
    const known = this.groups.get(apiVersion);
    if (known) return await known;
    const asked = this.ask(apiVersion);
    this.groups.set(apiVersion, asked);
    try {
      return await asked;
    } catch (error) {
      this.groups.delete(apiVersion);
      throw error;
    }
  }

  private async ask(apiVersion: string): Promise<Resource[]> {
    try {
      const list = await this.client.request({ method: "GET", path: root(apiVersion) });
      const resources = (list.resources ?? []) as Resource[];
      return resources.filter(({ name }) => !name.includes("/"));
    } catch (error) {
      if (error instanceof ApiError && error.isNotFound) return [];
      throw error;
    }
  }
}

function root(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
