import { Client } from "pg";
import type { ApplicationInputs } from "./inputs";

const LOOPBACK = /^(127\.[\d.]+|localhost|::1|\[::1\])$/;

/** What PostgreSQL's refusals mean for whoever runs `up` (SQLSTATE, PostgreSQL's appendix A). */
const ADVICE: Readonly<Record<string, string>> = {
  "28P01": "check database.user and database.password, and that the role has this password on that server",
  "28000": "check database.user, and that pg_hba.conf lets the role in from here",
  "3D000": "make the database first: this resource never creates one",
  "42501": "grant the role CONNECT on this database, or make it the owner",
};

/**
 * Tries the application's database before NocoBase is told to use it. NocoBase answers a wrong password with
 * 151 s of attempts, can't be interrupted in them, and their late end breaks an application repaired meanwhile
 * (measured on 2.2.15); so such a start must not happen.
 *
 * Silent where this machine can't tell: the server may well be reachable from the host only.
 * @throws {Error} PostgreSQL's own refusal and what to do
 */
export async function tryDatabase(inputs: ApplicationInputs): Promise<void> {
  const { database, host } = inputs;
  const encrypted = database.sslMode === "require" || database.sslMode === "verify-full";
  const client = new Client({
    host: database.host,
    port: database.port,
    user: database.user,
    password: database.password,
    database: database.name,
    ssl: encrypted ? { rejectUnauthorized: database.sslMode === "verify-full" } : false,
    connectionTimeoutMillis: 5_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    const advice = ADVICE[code ?? ""];
    const where = `PostgreSQL at ${database.host}:${database.port}`;
    if (advice) {
      throw new Error(
        `application ${inputs.name} can't use its database ${database.name}: ${where} says: ${message ?? ""} (${code ?? ""}). ` +
          `Nothing was changed on ${host.url}; ${advice}, then run up again`,
      );
    }
    const sameMachine = LOOPBACK.test(database.host) && LOOPBACK.test(new URL(host.url).hostname);
    if (code === "ECONNREFUSED" && sameMachine) {
      throw new Error(
        `application ${inputs.name} can't use its database ${database.name}: nothing listens at ${database.host}:${database.port}. ` +
          `Nothing was changed on ${host.url}; start the database server, then run up again`,
      );
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}
