/** Provider configuration: checked as a whole, each fault with what to do. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { closest } from "fastest-levenshtein";
import { UNKNOWN } from "../../../providers/kit/types";
import type { CheckFailure, CheckOutcome, DiffOutcome, Props } from "../../../providers/kit/types";
import { changedPaths, sameValue } from "../../../providers/kit/values";
import { isGiven, type Attribute } from "../bridge/attributes";
import { officialRemedy } from "../bridge/check";

export const VERSION = "4.34.2";
export const REMEDY = officialRemedy("kubernetes", VERSION);

const option = (type: Attribute["type"], description: string, more: Partial<Attribute> = {}): Attribute => ({
  type,
  description,
  input: "optional",
  ...more,
});
const notHere = (type: Attribute["type"]) => option(type, "Official plugin only.", { unsupported: true });

/** Every key that the official plugin has. */
export const CONFIG: Readonly<Record<string, Attribute>> = {
  kubeconfig: option(
    "string",
    "A kubeconfig's text, or the path of one. Default: KUBECONFIG, else ~/.kube/config.",
  ),
  context: option("string", "Name of the kubeconfig's context. Default: its current one."),
  cluster: option("string", "Name of the kubeconfig's cluster, if another than the context's."),
  namespace: option("string", "Namespace of objects that name none. Default: default."),
  clusterIdentifier: option(
    "string",
    "Tells clusters apart whatever the kubeconfig says: another one replaces all objects.",
  ),
  enableServerSideApply: option("boolean", "Must be true, which is the default."),
  enablePatchForce: option("boolean", "Take fields over from other field managers. Default: false."),
  upsertExistingObjects: option("boolean", "Take over objects that are there already. Default: false."),
  enableConfigMapMutable: option("boolean", "Change ConfigMaps in place. Default: false."),
  enableSecretMutable: option("boolean", "Change Secrets in place. Default: false."),
  suppressDeprecationWarnings: option("boolean", "Without effect: nothing is warned of."),
  suppressHelmHookWarnings: option("boolean", "Without effect: nothing is warned of."),
  deleteUnreachable: notHere("boolean"),
  skipUpdateUnreachable: notHere("boolean"),
  renderYamlToDirectory: notHere("string"),
  alwaysRender: notHere("boolean"),
  helmReleaseSettings: notHere("string"),
  kubeClientSettings: notHere("string"),
  strictMode: notHere("boolean"),
};

/** Keys of the engine's own. */
const ENGINE_KEYS = ["version", "pluginDownloadURL", "__internal"];

/** Provider inputs are texts; structured ones are JSON. A kubeconfig may come as an object. */
export function checkConfig(news: Props): CheckOutcome {
  const failures: CheckFailure[] = [];
  for (const [key, value] of Object.entries(news)) {
    if (!isGiven(value) || ENGINE_KEYS.includes(key)) continue;
    const reason = configFault(key, value, news);
    if (reason !== undefined) failures.push({ property: key, reason });
  }
  return { inputs: news, failures };
}

function configFault(key: string, value: unknown, all: Props): string | undefined {
  const attribute = CONFIG[key];
  const known = Object.keys(CONFIG).filter((name) => !CONFIG[name]?.unsupported);
  if (!attribute) {
    return `The kubernetes provider has no option ${key}; did you mean ${closest(key, known)}? It has ${known.join(", ")}.`;
  }
  if (value === UNKNOWN || value === "") return undefined;
  if (attribute.unsupported) {
    return value === "false" || value === false
      ? undefined
      : `The option ${key} is not supported by this stand-in plugin. ${REMEDY}`;
  }
  if (key === "enableServerSideApply" && !isTrue(value)) {
    return `enableServerSideApply is ${String(value)}; this stand-in plugin knows server-side apply only. ${REMEDY}`;
  }
  if (attribute.type === "boolean" && !["true", "false", true, false].includes(value as string)) {
    return `${key} is ${JSON.stringify(value)}; it must be true or false.`;
  }
  return key === "kubeconfig" ? kubeconfigFault(all) : undefined;
}

function kubeconfigFault(config: Props): string | undefined {
  if ([config.kubeconfig, config.context, config.cluster].includes(UNKNOWN)) return undefined;
  try {
    kubeConfig(config);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Another active cluster needs every object anew, unless a `clusterIdentifier` says that it is the same one. */
export function diffConfig(olds: Props, news: Props): DiffOutcome {
  const paths = changedPaths(olds, news);
  const identified = olds.clusterIdentifier !== undefined && news.clusterIdentifier !== undefined;
  const isOther = identified
    ? olds.clusterIdentifier !== news.clusterIdentifier
    : !sameValue(activeCluster(olds), activeCluster(news));
  const decisive = identified ? ["clusterIdentifier"] : ["kubeconfig", "context", "cluster"];
  return {
    changes: paths.map((path) => ({
      path,
      replace: isOther && decisive.includes(path.split(/[.[]/)[0] ?? path),
    })),
  };
}

function activeCluster(config: Props): unknown {
  if (config.kubeconfig === UNKNOWN || config.context === UNKNOWN) return UNKNOWN;
  try {
    return kubeConfig(config).getCurrentCluster();
  } catch {
    return undefined;
  }
}

export interface ClusterConfig {
  config: KubeConfig;
  /** Namespace of objects that name none. */
  namespace?: string;
  patchForce: boolean;
  upsert: boolean;
  mutable: { secrets: boolean; configMaps: boolean };
}

const known = new WeakMap<Props, ClusterConfig>();

/** Checked configuration with defaults. @throws Error where the kubeconfig can't be used */
export function clusterConfig(config: Props): ClusterConfig {
  // Asked for with each resource; reading a kubeconfig takes milliseconds.
  const read = known.get(config) ?? readConfig(config);
  known.set(config, read);
  return read;
}

function readConfig(config: Props): ClusterConfig {
  return {
    config: kubeConfig(config),
    namespace: textOf(config.namespace) || undefined,
    patchForce: isTrue(config.enablePatchForce),
    upsert: isTrue(config.upsertExistingObjects),
    mutable: {
      secrets: isTrue(config.enableSecretMutable),
      configMaps: isTrue(config.enableConfigMapMutable),
    },
  };
}

/**
 * The kubeconfig with its context chosen.
 * @throws Error that names what is missing
 */
function kubeConfig(config: Props): KubeConfig {
  const loaded = loadKubeconfig(config.kubeconfig);
  const contexts = loaded.getContexts().map(({ name }) => name);
  const context = textOf(config.context) || loaded.getCurrentContext();
  if (!contexts.includes(context)) {
    throw new Error(
      `The kubeconfig has no context ${JSON.stringify(context)}; it has ${contexts.join(", ") || "none"}.`,
    );
  }
  loaded.setCurrentContext(context);
  const cluster = textOf(config.cluster);
  const chosen = loaded.getContextObject(context);
  if (cluster && chosen) Object.assign(chosen, { cluster });
  if (!loaded.getCurrentCluster()?.server) {
    throw new Error(`The kubeconfig's context ${context} names a cluster that the kubeconfig does not have.`);
  }
  return loaded;
}

function loadKubeconfig(value: unknown): KubeConfig {
  const loaded = new KubeConfig();
  const given = typeof value === "object" && value !== null ? JSON.stringify(value) : textOf(value);
  const text = given.replace(/^~(?=$|\/)/, homedir());
  try {
    if (text === "") loaded.loadFromDefault();
    else if (text.length < 4096 && existsSync(text)) {
      loaded.loadFromString(readFileSync(text, "utf8"));
      loaded.makePathsAbsolute(dirname(resolve(text)));
    } else loaded.loadFromString(text);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new Error(
      `The kubeconfig can't be read: ${reason}. Give the text of a kubeconfig, or the path of one.`,
    );
  }
  return loaded;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}
