/** What NocoBase stores for an application, and the way there and back. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { ApplicationOptions, ApplicationValues, LiveApplication } from "../client";
import type { ApplicationInputs, DatabaseInputs } from "./inputs";

/** `hex(iv) + hex(aes-256-cbc(text))`, as NocoBase's AES encryptor (2.2) reads it. @param key 64 hex digits */
export function encrypt(text: string, key: string): string {
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-256-cbc", Buffer.from(key, "hex"), iv);
  return Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final()]).toString("hex");
}

/** The reverse of {@link encrypt}; undefined where text and key don't belong together. */
export function decrypt(text: string, key: string): string | undefined {
  const bytes = Buffer.from(text, "hex");
  try {
    const decipher = createDecipheriv("aes-256-cbc", Buffer.from(key, "hex"), bytes.subarray(0, 16));
    return Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}

/**
 * Everything NocoBase is to store: always whole, since it drops what isn't sent. `schema: public` makes it
 * connect straight to the database made beforehand instead of trying to create one.
 */
export function valuesFor(inputs: ApplicationInputs): ApplicationValues {
  const { database, host } = inputs;
  return {
    name: inputs.name,
    displayName: inputs.title,
    cname: inputs.cname ?? null,
    options: {
      autoStart: inputs.startMode === "auto" && inputs.state === "running",
      dbConnType: "new_connection",
      encryptedDbPassword: true,
      database: {
        dialect: "postgres",
        host: database.host,
        port: database.port,
        username: database.user,
        password: encrypt(database.password, host.encryptionKey),
        database: database.name,
        schema: "public",
        ...ssl(database.sslMode),
      },
      authManager: { jwt: { secret: inputs.jwtSecret } },
    },
  };
}

function ssl(mode: DatabaseInputs["sslMode"]): { dialectOptions?: { ssl: unknown } } {
  if (!mode) return {};
  if (mode === "disable") return { dialectOptions: { ssl: false } };
  return { dialectOptions: { ssl: { require: true, rejectUnauthorized: mode === "verify-full" } } };
}

function sslMode(options: ApplicationOptions): DatabaseInputs["sslMode"] {
  const live = options.database?.dialectOptions?.ssl;
  if (live === undefined || live === null) return undefined;
  if (live === false) return "disable";
  return (live as { rejectUnauthorized?: boolean }).rejectUnauthorized ? "verify-full" : "require";
}

/** A live application's database in the terms of the inputs; what it doesn't say is left out. */
export function liveDatabase(
  live: LiveApplication,
  encryptionKey: string | undefined,
): Partial<DatabaseInputs> {
  const options = live.options ?? {};
  const stored = options.database?.password;
  const password =
    stored !== undefined && options.encryptedDbPassword
      ? encryptionKey && decrypt(stored, encryptionKey)
      : stored;
  return {
    host: options.database?.host,
    port: options.database?.port === undefined ? undefined : Number(options.database.port),
    name: options.database?.database,
    user: options.database?.username,
    password: password || undefined,
    sslMode: sslMode(options),
  };
}

export interface Differences {
  /** Something stored differs from what is wanted. */
  registration: boolean;
  /** Some of it is taken over by a running application only when it is stopped and started. */
  restart: boolean;
}

/** Compares what NocoBase has stored with what is wanted; the encrypted password by its plain text. */
export function differences(live: LiveApplication, inputs: ApplicationInputs): Differences {
  const wanted = valuesFor(inputs);
  const [now, then] = [live.options ?? {}, wanted.options];
  const database = liveDatabase(live, inputs.host.encryptionKey);
  const keys = ["host", "port", "name", "user", "password", "sslMode"] as const;
  const restart =
    keys.some((key) => database[key] !== inputs.database[key]) ||
    now.database?.schema !== "public" ||
    now.dbConnType !== then.dbConnType ||
    now.authManager?.jwt?.secret !== inputs.jwtSecret;
  const registration =
    restart ||
    // Whatever else someone set, `standaloneDeployment` for one, which keeps the host from running it.
    Object.keys(now).some((key) => !(key in then)) ||
    now.encryptedDbPassword !== true ||
    (now.autoStart ?? false) !== then.autoStart ||
    live.displayName !== wanted.displayName ||
    (live.cname ?? null) !== wanted.cname;
  return { registration, restart };
}
