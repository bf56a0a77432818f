/** What a user is told: what is wrong, with what, and what to do; never a password. */
import type { ServerConfig } from "./config";

interface Fault {
  message: string;
  /** SQLSTATE, or the operating system's word. */
  code?: string;
  detail?: string;
}

/** The parts of what pg and Node throw. */
export function faultOf(error: unknown): Fault {
  if (error instanceof AggregateError && error.errors.length > 0) return faultOf(error.errors[0]);
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, detail } = error as Error & { code?: unknown; detail?: unknown };
  return {
    message: error.message,
    code: typeof code === "string" ? code : undefined,
    detail: typeof detail === "string" ? detail : undefined,
  };
}

export function connectionError(error: unknown, config: ServerConfig, database: string): Error {
  const { host, port, username, connectTimeoutSeconds, sslMode } = config;
  const { message, code } = faultOf(error);
  const server = `the PostgreSQL server ${host}:${port}`;
  switch (code) {
    case "ECONNREFUSED":
      return new Error(
        `Nothing listens at ${host}:${port}: start ${server}, or correct the provider's host and port.`,
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new Error(`There is no host named ${host}: correct the provider's host.`);
    case "28P01":
    case "28000":
      return new Error(
        `${capital(server)} refuses to sign in ${username}: ${message}. Correct the provider's username or password.`,
      );
    case "3D000":
      return new Error(`${capital(server)} has no database ${database}.`);
    case "53300":
      return new Error(
        `${capital(server)} has no connection left: ${message}. Lower maxConnections, or raise the server's limit.`,
      );
  }
  if (message.includes("does not support SSL")) {
    return new Error(
      `${capital(server)} has no TLS, and sslmode is ${sslMode}. Set sslmode to disable (or prefer), or turn TLS on.`,
    );
  }
  if (/timeout/i.test(message)) {
    return new Error(
      `${capital(server)} did not answer within ${connectTimeoutSeconds} s (connectTimeout): ${message}.`,
    );
  }
  if (message.includes("SASL") || message.includes("password must be a string")) {
    return new Error(
      `${capital(server)} asks for a password of ${username}, and the provider has none that fits: set password.`,
    );
  }
  return new Error(`Can't connect to ${server} as ${username}: ${message}`);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param doing e.g. `create the role crm` */
export function statementError(error: unknown, doing: string, address: string): Error {
  const { message, code, detail } = faultOf(error);
  if (code === undefined) return error instanceof Error ? error : new Error(message);
  const more = detail === undefined ? "" : ` ${detail.replaceAll("\n", "; ")}.`;
  return new Error(`Can't ${doing} on ${address}: ${message}.${more}`);
}

/** @param kind `role` or `database` */
export function existsError(
  kind: "role" | "database" | "schema",
  name: string,
  address: string,
  token: string,
): Error {
  return new Error(
    `There is a ${kind} ${name} on ${address} already, made by someone else. It is never taken over silently: ` +
      `choose another name, remove it, or adopt it with \`pulumi import ${token} NAME_IN_PROGRAM ${name}\`.`,
  );
}

/** Runs statements; a failure becomes {@link statementError}. */
export async function explained<T>(doing: string, address: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw statementError(error, doing, address);
  }
}
