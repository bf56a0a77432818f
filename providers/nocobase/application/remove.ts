import {
  destroyApplication,
  findApplication,
  POLL_MS,
  Session,
  stopApplication,
  Unreachable,
  until,
  type Call,
} from "../client";
import type { Context } from "../../kit/types";
import type { ApplicationInputs } from "./inputs";
import { onItsWay } from "./live";
import { liveDatabase } from "./options";
import { Runtime } from "./runtime";

const SETTLE_MS = 30_000;
const STOP_MS = 15_000;
const DESTROY_MS = 20_000;

/**
 * Takes an application out of its host; its database and files stay. Bounded also when its database is away:
 * stopped first, since NocoBase would otherwise load it once more, which then hangs for 151 s and longer.
 */
export async function remove(
  state: Pick<ApplicationInputs, "host" | "name" | "database">,
  context: Context,
): Promise<void> {
  const { name } = state;
  const host = new Session(state.host);
  const call: Call = { signal: context.signal, timeoutMs: DESTROY_MS };
  const found = await findApplication(host, name, call);
  if (!found) return;
  const live = liveDatabase(found, state.host.encryptionKey);
  if (live.name !== state.database.name) {
    context.warn(
      `${host.url} has an application ${name} on database ${live.name ?? "of its own"}, not on ${state.database.name}: it was made by someone else and stays`,
    );
    return;
  }
  const runtime = new Runtime(host, name, context);
  if (onItsWay(found.status)) await runtime.settle(SETTLE_MS).catch(() => undefined);
  for (let attempt = 1; attempt <= 3; attempt++) {
    context.status(`taking ${name} out of ${host.url}`);
    await stopApplication(host, name, call);
    await until(async () => ((await stillOn(host, name, call)) ? undefined : true), {
      everyMs: POLL_MS,
      limitMs: STOP_MS,
      signal: context.signal,
    });
    await destroyApplication(host, name, call).catch((error: unknown) => {
      if (!(error instanceof Unreachable) || !error.uncertain) throw error;
    });
    if (!(await findApplication(host, name, call))) return;
  }
  throw new Error(
    `${host.url} still lists application ${name} after three attempts to remove it; its database ${state.database.name} may be away. ` +
      "Restart the hosting instance, then run the command again",
  );
}

async function stillOn(host: Session, name: string, call: Call): Promise<boolean> {
  const row = await findApplication(host, name, call);
  return row !== undefined && (row.status === "running" || onItsWay(row.status));
}
