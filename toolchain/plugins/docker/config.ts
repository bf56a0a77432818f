/** Provider configuration: checked as a whole, each fault with what to do. */
import { closest } from "fastest-levenshtein";
import { UNKNOWN, type CheckFailure, type CheckOutcome, type Props } from "../../../providers/kit/types";
import { secret } from "../../../providers/kit/values";
import { isGiven, isObject, type Attribute } from "../bridge/attributes";
import { officialRemedy } from "../bridge/check";
import { free, notHere, text } from "./specs";

export const VERSION = "4.11.2";
export const REMEDY = officialRemedy("docker", VERSION);

const DEFAULT_HOST = "unix:///var/run/docker.sock";

/** Every key that the official plugin has. */
export const CONFIG: Readonly<Record<string, Attribute>> = {
  host: free(
    "string",
    `Address of the daemon, unix:// or tcp://. Default: DOCKER_HOST, else ${DEFAULT_HOST}.`,
  ),
  registryAuth: free("list", "Credentials of private registries.", {
    typeName: "ProviderRegistryAuth",
    fields: {
      address: text("Address of the registry."),
      username: text("Who signs in.", "optional"),
      password: { ...text("The password.", "optional"), secret: true },
      authDisabled: free("boolean", "Whether the registry asks for no credentials."),
      configFile: notHere("string"),
      configFileContent: notHere("string"),
    },
  }),
  disableDockerDaemonCheck: free("boolean", "Without effect: the daemon is asked when it is needed."),
  context: notHere("string"),
  sshOpts: notHere("list"),
  caMaterial: notHere("string"),
  certMaterial: notHere("string"),
  keyMaterial: notHere("string", { secret: true }),
  certPath: notHere("string"),
};

/** Keys of the engine's own. */
const ENGINE_KEYS = ["version", "pluginDownloadURL", "__internal"];

export interface RegistryCredentials {
  username: string;
  password: string;
}

export interface DaemonConfig {
  host: string;
  /** By host name of the registry. */
  registries: ReadonlyMap<string, RegistryCredentials>;
}

/** Values come as texts, lists in JSON form, since provider inputs hold texts only. */
export function checkConfig(news: Props): CheckOutcome {
  const failures: CheckFailure[] = [];
  const inputs: Props = {};
  for (const [key, value] of Object.entries(news)) {
    if (!isGiven(value)) continue;
    if (ENGINE_KEYS.includes(key)) {
      inputs[key] = value;
      continue;
    }
    const reason = configFault(key, value);
    if (reason !== undefined) failures.push({ property: key, reason });
    const asText = typeof value === "string" ? value : JSON.stringify(value);
    // Passwords are in it.
    inputs[key] = key === "registryAuth" ? secret(asText) : asText;
  }
  return { inputs, failures };
}

function configFault(key: string, value: unknown): string | undefined {
  const attribute = CONFIG[key];
  const known = Object.keys(CONFIG).filter((name) => !CONFIG[name]?.unsupported);
  if (!attribute) {
    return `The docker provider has no option ${key}; did you mean ${closest(key, known)}? It has ${known.join(", ")}.`;
  }
  if (value === UNKNOWN || value === "") return undefined;
  if (attribute.unsupported) return `The option ${key} is not supported by this stand-in plugin. ${REMEDY}`;
  if (key === "host" && !isAddress(value)) {
    return (
      `host is ${JSON.stringify(value)}; this stand-in plugin knows unix:///PATH and tcp://HOST:PORT. ` +
      REMEDY
    );
  }
  return key === "registryAuth" ? registryFault(value) : undefined;
}

function isAddress(value: unknown): boolean {
  return typeof value === "string" && /^unix:\/\/\/|^tcp:\/\/[^/]+:\d+\/?$/.test(value);
}

function registryFault(value: unknown): string | undefined {
  const entries = parsed(value);
  if (!entries) return "registryAuth must be a list of objects, each with address, username and password.";
  const known = Object.keys(CONFIG.registryAuth?.fields ?? {});
  for (const entry of entries) {
    const odd = Object.keys(entry).find((name) => isGiven(entry[name]) && !isRegistryField(name));
    if (odd !== undefined) {
      return known.includes(odd)
        ? `registryAuth: ${odd} is not supported by this stand-in plugin. ${REMEDY}`
        : `registryAuth has no property ${odd}; did you mean ${closest(odd, known)}?`;
    }
    if (typeof entry.address !== "string" || entry.address === "") return "registryAuth: address is missing.";
  }
  return undefined;
}

function isRegistryField(name: string): boolean {
  const field = CONFIG.registryAuth?.fields?.[name];
  return field !== undefined && !field.unsupported;
}

function parsed(value: unknown): Props[] | undefined {
  try {
    const list: unknown = typeof value === "string" ? JSON.parse(value) : value;
    return Array.isArray(list) && list.every(isObject) ? list : undefined;
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Host name of a registry's address: without scheme and path. */
export function registryHost(address: string): string {
  return address.replace(/^https?:\/\//, "").split("/")[0] ?? "";
}

/** Checked configuration with defaults, from the environment where upstream looks there too. */
export function daemonConfig(config: Props, env: NodeJS.ProcessEnv = process.env): DaemonConfig {
  const host = textOf(config.host) || env.DOCKER_HOST || DEFAULT_HOST;
  if (!isAddress(host)) {
    throw new Error(`The Docker daemon's address is ${host}; known are unix:///PATH and tcp://HOST:PORT.`);
  }
  const entries = isGiven(config.registryAuth) ? (parsed(config.registryAuth) ?? []) : [];
  const registries = entries.map((entry): [string, RegistryCredentials] => [
    registryHost(textOf(entry.address)),
    // Docker wants some credentials even where the registry does not look at them.
    entry.authDisabled === true
      ? { username: "username", password: "password" }
      : {
          username: textOf(entry.username) || (env.DOCKER_REGISTRY_USER ?? ""),
          password: textOf(entry.password) || (env.DOCKER_REGISTRY_PASS ?? ""),
        },
  ]);
  return { host, registries: new Map(registries) };
}
