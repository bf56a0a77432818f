/**
 * What the state holds of an object: the live one, and beside it the inputs it was made from. As upstream's, but for
 * the list of field managers: nobody reads it out of a state, and the engine writes the whole state at each step.
 */
import { randomBytes } from "node:crypto";
import type { Props } from "../../../../providers/kit/types";
import { secret } from "../../../../providers/kit/values";
import type { KubernetesObject } from "../api/kinds";
import { isSecret } from "./normalize";

const INPUTS = "__inputs";
const FIELD_MANAGER = "__fieldManager";
const INITIAL_API_VERSION = "__initialApiVersion";

/** Annotation that chooses the field manager (Pulumi). */
const MANAGER_ANNOTATION = "pulumi.com/patchFieldManager";

/** Outputs that hold a copy of the inputs, and its secrets with it. */
export const INPUT_COPIES = [INPUTS];

export interface Checkpoint {
  inputs: KubernetesObject;
  live: KubernetesObject;
  /** Who owns the object's fields; made up where the state has none. */
  fieldManager: string;
  initialApiVersion: string;
}

export function parseCheckpoint(state: Props): Checkpoint {
  const { [INPUTS]: inputs, [FIELD_MANAGER]: manager, [INITIAL_API_VERSION]: version, ...live } = state;
  const object = live as KubernetesObject;
  return {
    inputs: (inputs ?? {}) as KubernetesObject,
    live: object,
    fieldManager: typeof manager === "string" ? manager : newFieldManager(),
    initialApiVersion: typeof version === "string" ? version : object.apiVersion,
  };
}

export function checkpoint({ inputs, live, fieldManager, initialApiVersion }: Checkpoint): Props {
  const metadata = { ...live.metadata };
  Reflect.deleteProperty(metadata, "managedFields");
  return {
    ...withSecretData(live),
    metadata,
    [INPUTS]: withSecretData(inputs),
    [INITIAL_API_VERSION]: initialApiVersion,
    [FIELD_MANAGER]: fieldManager,
  };
}

/** Of the object's annotation, else the one given. */
export function fieldManagerOf(inputs: KubernetesObject, otherwise = newFieldManager()): string {
  const annotations = inputs.metadata.annotations as Props | undefined;
  const chosen = annotations?.[MANAGER_ANNOTATION];
  return typeof chosen === "string" && chosen !== "" ? chosen : otherwise;
}

function newFieldManager(): string {
  return `pulumi-kubernetes-${randomBytes(4).toString("hex")}`;
}

/** All that a Secret holds is secret, whether the program said so or not. */
export function withSecretData<Of extends Props>(object: Of): Of {
  if (!isSecret(object as unknown as KubernetesObject)) return object;
  const marked = (["data", "stringData"] as const).filter((key) => object[key] !== undefined);
  return { ...object, ...Object.fromEntries(marked.map((key) => [key, secret(object[key])])) };
}

/** `namespace/name`, or the name alone for what lies in no namespace. */
export function idOf({ metadata: { namespace, name } }: KubernetesObject): string {
  return namespace ? `${namespace}/${name ?? ""}` : (name ?? "");
}

export function parseId(id: string): { namespace?: string; name: string } {
  const [first = "", second] = id.split("/");
  return second === undefined ? { name: first } : { namespace: first, name: second };
}
