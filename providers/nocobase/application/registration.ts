import {
  createApplication,
  listApplications,
  NocoBaseError,
  updateApplication,
  type LiveApplication,
  type Session,
} from "../client";
import type { Context } from "../../kit/types";
import type { ApplicationInputs } from "./inputs";
import { liveDatabase, valuesFor } from "./options";

/**
 * Registers an application on its host, or brings what is registered up to date.
 * @throws {Error} naming the application that has the same cname
 */
export async function register(
  host: Session,
  inputs: ApplicationInputs,
  found: LiveApplication | undefined,
  context: Pick<Context, "status" | "signal">,
): Promise<void> {
  context.status(`registering ${inputs.name} on ${host.url}`);
  const call = { signal: context.signal };
  try {
    if (found) await updateApplication(host, valuesFor(inputs), call);
    else await createApplication(host, valuesFor(inputs), call);
  } catch (error) {
    if (!(error instanceof NocoBaseError) || !error.message.includes("cname already exists")) throw error;
    const owner = (await listApplications(host, call)).find((row) => row.cname === inputs.cname);
    throw new Error(
      `cname ${inputs.cname ?? ""} of application ${inputs.name} already belongs to application ${owner?.name ?? "?"} on ${host.url}: ` +
        "give one of the two another host name, or remove that application",
    );
  }
}

/**
 * An application of this name on the same database is what a killed run left, or was moved here by hand: gone on
 * with. On another database it is someone else's.
 * @throws {Error} naming that database
 */
export function refuseForeign(found: LiveApplication, inputs: ApplicationInputs): void {
  const live = liveDatabase(found, inputs.host.encryptionKey);
  const { host, port, name } = inputs.database;
  if (live.name === name && live.host === host && live.port === port) return;
  const theirs = live.name
    ? `database ${live.name} on ${live.host ?? "?"}:${live.port ?? "?"}`
    : "a database NocoBase made itself";
  throw new Error(
    `${inputs.host.url} already has an application ${inputs.name}, which uses ${theirs} instead of ${name} on ${host}:${port}. ` +
      "It isn't this resource's and stays untouched: choose another name, or remove that one in the host's app manager",
  );
}
