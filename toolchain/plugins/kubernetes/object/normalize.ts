/** Brings what means the same into one form, so that it is no difference: as the API server would give it back. */
import type { Props } from "../../../../providers/kit/types";
import { UNKNOWN } from "../../../../providers/kit/types";
import type { KubernetesObject } from "../api/kinds";
import { isObject } from "./prune";
import { canonicalQuantity } from "./quantity";

/** Set by the server alone. */
const READ_ONLY = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "uid",
];

/** Maps from a resource's name to an amount, by the key that holds them. */
const QUANTITY_MAPS = [
  ...["limits", "requests", "hard", "capacity", "max", "min", "default", "defaultRequest"],
  ...["maxLimitRequestRatio", "allocatable", "podFixed"],
];
const QUANTITIES = ["sizeLimit", "averageValue"];

export function isSecret({ apiVersion, kind }: KubernetesObject): boolean {
  return apiVersion === "v1" && kind === "Secret";
}

/** A copy of the object; `stringData` of a Secret becomes `data`. */
export function normalize(object: KubernetesObject): KubernetesObject {
  const copy = structuredClone(object);
  for (const key of READ_ONLY) Reflect.deleteProperty(copy.metadata, key);
  if (hasUnknown(copy)) return copy;
  if (isSecret(copy)) return withEncodedData(copy);
  // The schema of other kinds is not known here: a field of theirs may only be called as if it held amounts.
  if (!isBuiltIn(copy.apiVersion)) return copy;
  const { metadata, ...rest } = copy;
  return { ...(quantities(rest) as KubernetesObject), metadata };
}

export function hasUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isObject(value) && Object.values(value).some(hasUnknown);
}

/** API groups of Kubernetes itself have no dot, or end in `.k8s.io`; definitions of kinds hold schemas, not amounts. */
function isBuiltIn(apiVersion: string): boolean {
  const [group = ""] = apiVersion.includes("/") ? apiVersion.split("/") : [""];
  if (group === "apiextensions.k8s.io") return false;
  return !group.includes(".") || /^[a-z]+(\.[a-z]+)?\.k8s\.io$/.test(group);
}

function withEncodedData(secret: KubernetesObject): KubernetesObject {
  const { stringData, ...rest } = secret;
  const encoded = Object.entries(isObject(stringData) ? stringData : {}).map(([key, value]) => [
    key,
    Buffer.from(String(value), "utf8").toString("base64"),
  ]);
  const data = isObject(rest.data) ? rest.data : {};
  const decoded = Object.entries(data).map(([key, value]) => [key, respelt(value)]);
  if (encoded.length === 0 && decoded.length === 0) return secret;
  return { ...rest, data: Object.fromEntries([...decoded, ...encoded]) as Props };
}

/** The server decodes and encodes; white space within goes. */
function respelt(value: unknown): unknown {
  if (typeof value !== "string" || !/^[A-Za-z0-9+/=\s]*$/.test(value)) return value;
  return Buffer.from(value, "base64").toString("base64");
}

function quantities(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(quantities);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (QUANTITY_MAPS.includes(key) && isObject(item)) return [key, mapped(item)];
      return [key, QUANTITIES.includes(key) ? amount(item) : quantities(item)];
    }),
  );
}

function mapped(amounts: Props): Props {
  return Object.fromEntries(Object.entries(amounts).map(([key, item]) => [key, amount(item)]));
}

function amount(value: unknown): unknown {
  if (typeof value === "number") return canonicalQuantity(String(value));
  return typeof value === "string" ? canonicalQuantity(value) : quantities(value);
}
