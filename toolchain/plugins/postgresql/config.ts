/** Provider configuration: checked as a whole, each fault with what to do. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { closest } from "fastest-levenshtein";
import { UNKNOWN, type CheckFailure, type CheckOutcome, type Props } from "../../../providers/kit/types";
import { secret } from "../../../providers/kit/values";
import { isGiven, type Attribute } from "../bridge/attributes";
import { officialRemedy, readValue } from "../bridge/check";

export const VERSION = "3.18.1";
export const REMEDY = officialRemedy("postgresql", VERSION);

const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;
type SslMode = (typeof SSL_MODES)[number];

const option = (type: Attribute["type"], description: string, more: Partial<Attribute> = {}): Attribute => ({
  type,
  description,
  input: "optional",
  ...more,
});
const notHere = (type: Attribute["type"]) => option(type, "Official plugin only.", { unsupported: true });

/** Every key that the official plugin has. */
export const CONFIG: Readonly<Record<string, Attribute>> = {
  scheme: option("string", "postgres; others only with the official plugin."),
  host: option("string", "Host name or address of the server. Default: PGHOST, else localhost."),
  port: option("integer", "Its port. Default: PGPORT, else 5432.", { min: 1 }),
  database: option("string", "Database to connect to. Default: PGDATABASE, else postgres."),
  username: option("string", "Role to connect as. Default: PGUSER, else postgres."),
  password: option("string", "Its password. Default: PGPASSWORD.", { secret: true }),
  databaseUsername: option("string", "Role that username is mapped to by the server, if another."),
  superuser: option("boolean", "Whether the role is a superuser. Default: PGSUPERUSER, else true."),
  sslmode: option("string", `One of ${SSL_MODES.join(", ")}. Default: PGSSLMODE, else require.`),
  sslMode: option("string", "Deprecated: use sslmode."),
  sslrootcert: option("string", "File with the certificate authority's certificates (PEM)."),
  connectTimeout: option("integer", "Seconds to wait for a connection, 0 for ever. Default: 180.", {
    min: 0,
  }),
  maxConnections: option("integer", "Most connections at once, 0 for no limit. Default: 20.", { min: 0 }),
  expectedVersion: notHere("string"),
  clientcert: notHere("map"),
  awsRdsIamAuth: notHere("boolean"),
  awsRdsIamProfile: notHere("string"),
  awsRdsIamProviderRoleArn: notHere("string"),
  awsRdsIamRegion: notHere("string"),
  azureIdentityAuth: notHere("boolean"),
  azureTenantId: notHere("string"),
  gcpIamImpersonateServiceAccount: notHere("string"),
};

/** Keys of the engine's own. */
const ENGINE_KEYS = ["version", "pluginDownloadURL", "__internal"];

export interface ServerConfig {
  host: string;
  port: number;
  /** The maintenance database. */
  database: string;
  username: string;
  password: string | undefined;
  /** The role that statements run as. */
  databaseUsername: string;
  superuser: boolean;
  sslMode: SslMode;
  sslRootCert: string | undefined;
  /** 0: for ever. */
  connectTimeoutSeconds: number;
  /** 0: no limit. */
  maxConnections: number;
}

/** Values come as texts, numbers and flags in JSON form, since provider inputs hold texts only. */
export function checkConfig(news: Props): CheckOutcome {
  const failures: CheckFailure[] = [];
  const inputs: Props = {};
  for (const [key, value] of Object.entries(news)) {
    if (!isGiven(value)) continue;
    if (ENGINE_KEYS.includes(key)) {
      inputs[key] = value;
      continue;
    }
    const fault = configFault(key, value);
    if (fault) failures.push({ property: key, reason: fault });
    const text = typeof value === "string" ? value : JSON.stringify(value);
    inputs[key] = CONFIG[key]?.secret ? secret(text) : text;
  }
  return { inputs, failures };
}

function configFault(key: string, value: unknown): string | undefined {
  const known = Object.keys(CONFIG).filter((name) => !CONFIG[name]?.unsupported);
  const attribute = CONFIG[key];
  if (!attribute) {
    return `The postgresql provider has no option ${key}; did you mean ${closest(key, known)}? It has ${known.join(", ")}.`;
  }
  if (value === UNKNOWN) return undefined;
  if (attribute.unsupported) {
    return value === "false" || value === "" || value === false
      ? undefined
      : `The option ${key} is not supported by this stand-in plugin. ${REMEDY}`;
  }
  const read = readValue(value, attribute);
  if ("fault" in read) return `${key} is ${JSON.stringify(value)}; ${read.fault}.`;
  if (key === "scheme" && value !== "postgres") {
    return `scheme is ${JSON.stringify(value)}; this stand-in plugin knows postgres alone. ${REMEDY}`;
  }
  if (["sslmode", "sslMode"].includes(key) && value !== "" && !isSslMode(value)) {
    return `${key} is ${JSON.stringify(value)}; allowed are ${SSL_MODES.join(", ")}.`;
  }
  return undefined;
}

function isSslMode(value: unknown): value is SslMode {
  return SSL_MODES.some((mode) => mode === value);
}

/** Checked configuration with defaults, from the environment where upstream looks there too. */
export function serverConfig(config: Props, env: NodeJS.ProcessEnv = process.env): ServerConfig {
  const value = (key: string, fallback?: string): unknown => {
    const given = isGiven(config[key]) ? config[key] : fallback;
    const attribute = CONFIG[key];
    if (!isGiven(given) || !attribute) return undefined;
    const read = readValue(given, attribute);
    if ("fault" in read) throw new Error(`${key} is ${JSON.stringify(given)}; ${read.fault}.`);
    return read.value;
  };
  const text = (key: string, fallback?: string) => value(key, fallback) as string | undefined;
  const number = (key: string, fallback: string) => value(key, fallback) as number;
  const username = text("username", env.PGUSER ?? "postgres") ?? "";
  const sslMode = text("sslmode", env.PGSSLMODE) ?? text("sslMode") ?? "";
  return {
    host: text("host", env.PGHOST) ?? "localhost",
    port: number("port", env.PGPORT ?? "5432"),
    database: text("database", env.PGDATABASE ?? "postgres") ?? "",
    username,
    password: text("password", env.PGPASSWORD),
    databaseUsername: text("databaseUsername") ?? username,
    superuser: value("superuser", env.PGSUPERUSER ?? "true") as boolean,
    sslMode: isSslMode(sslMode) ? sslMode : "require",
    sslRootCert: text("sslrootcert"),
    connectTimeoutSeconds: number("connectTimeout", env.PGCONNECT_TIMEOUT ?? "180"),
    maxConnections: number("maxConnections", "20"),
  };
}

/** libpq's modes in Node's terms: `require` and `prefer` encrypt without looking at the certificate. */
export function tlsOptions({ sslMode, sslRootCert, host }: ServerConfig): ConnectionOptions | false {
  if (sslMode === "disable") return false;
  const ca = sslRootCert === undefined ? undefined : readFileSync(sslRootCert, "utf8");
  const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  switch (sslMode) {
    case "prefer":
    case "require":
      return { ...servername, rejectUnauthorized: false };
    case "verify-ca":
      return { ...servername, ca, checkServerIdentity: () => undefined };
    case "verify-full":
      return { ...servername, ca };
  }
}
