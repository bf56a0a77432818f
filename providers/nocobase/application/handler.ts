import {
  applicationHealth,
  findApplication,
  Session,
  Unreachable,
  type Account,
  type LiveApplication,
} from "../client";
import type { Context, DiffOutcome, Props, ReadOutcome, ResourceHandler } from "../../kit/types";
import { converge } from "./converge";
import { diffInputs } from "./diff";
import { idOf, parseId } from "./identity";
import type { Achieved } from "./initialise";
import { checkInputs, knownHost, knownInputs, type ApplicationInputs, type HostInputs } from "./inputs";
import { asDeclared, glance, stateOf } from "./live";
import { liveDatabase } from "./options";
import { remove } from "./remove";
import { routeToHost } from "../route";

/** Ids read for an import by this process, which lives for one command; the diff that follows is part of it. */
const importing = new Set<string>();

/** `nocobase:index:Application`: a business app in shared memory of a hosting NocoBase instance. */
export const application: ResourceHandler = {
  computed: ["url"],
  secretOutputs: ["jwtSecret", "rootPassword"],
  check: (news) => checkInputs(news),
  diff: async (id, outputs, news, context, oldInputs) => {
    const outcome = diffInputs(oldInputs, outputs, news, importing.has(id));
    return outcome.deleteBeforeReplace ? outcome : withLiveState(outcome, news, context);
  },
  create: async (news, context) => {
    const inputs = knownInputs(news);
    routeToHost(inputs.host);
    return {
      id: idOf(inputs.host.url, inputs.name),
      outputs: await sayingHow(inputs, () => converge(inputs, undefined, context)),
    };
  },
  update: (_id, olds, news, context) => {
    const inputs = knownInputs(news);
    routeToHost(inputs.host);
    return sayingHow(inputs, () => converge(inputs, achievedIn(olds), context));
  },
  read: (id, outputs, context, inputs) => read(id, outputs, inputs, context),
  delete: async (_id, outputs, context) => {
    const host = knownHost(outputs);
    const { name, database } = outputs as Partial<ApplicationInputs>;
    if (!host || !name || !database) {
      throw new Error(
        "the state holds no credentials of the hosting instance (an import?): run up once, then delete again",
      );
    }
    routeToHost(host);
    await remove({ host, name, database }, context).catch((error: unknown) => {
      if (!(error instanceof Unreachable)) throw error;
      throw new Error(
        `application ${name} can't be removed: ${error.message}. Start the hosting instance and run the command again; ` +
          `if that instance is gone for good, take the application out of the state: pulumi state delete '${context.urn}'`,
      );
    });
  },
};

async function sayingHow<T>(inputs: ApplicationInputs, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    throw new Error(
      `application ${inputs.name}: ${error.message}. Start the hosting instance, then run up again`,
    );
  }
}

function achievedIn(olds: Props): Achieved {
  const { rootEmail, rootNickname, rootPassword, title } = olds as Achieved;
  return { rootEmail, rootNickname, rootPassword, title };
}

/** Adds what went wrong on the host since: an unchanged `up` then repairs it. */
async function withLiveState(outcome: DiffOutcome, news: Props, context: Context): Promise<DiffOutcome> {
  const checked = checkInputs(news);
  const host = knownHost(news);
  if (checked.failures?.length || !host) return outcome;
  const { name, state, startMode } = checked.inputs as Pick<
    ApplicationInputs,
    "name" | "state" | "startMode"
  >;
  routeToHost(host);
  const rows = await glance(host);
  if (!rows) return outcome;
  const status = rows.get(name)?.status ?? "not_found";
  if (asDeclared(status, { state, startMode }) && rows.has(name)) return outcome;
  const changed = outcome.changes.some((change) => change.path === "state");
  if (!changed) {
    context.warn(
      rows.has(name)
        ? `${name} is declared ${state}, but ${host.url} says ${status}: an update repairs it`
        : `${name} is not registered on ${host.url} any more: an update registers it again`,
    );
    outcome.changes.push({ path: "state", kind: "update", inputDiff: false });
  }
  return outcome;
}

async function read(id: string, outputs: Props, inputs: Props, context: Context): Promise<ReadOutcome> {
  const { url, name } = parseId(id);
  const imported = Object.keys(outputs).length === 0;
  const known = knownHost(outputs) ?? knownHost(inputs);
  if (known) routeToHost(known);
  const account = known ?? importAccount(url, context);
  const host = new Session({ ...account, url });
  let live: LiveApplication | undefined;
  try {
    live = await findApplication(host, name, { signal: context.signal });
  } catch (error) {
    if (imported || !(error instanceof Unreachable)) throw error;
    context.warn(
      `${error.message}: the state of application ${name} was left as it is. Start the hosting instance to refresh it`,
    );
    return { id, outputs, inputs };
  }
  if (!live) return { id: undefined, outputs: {}, inputs: {} };
  if (live.status === "error") {
    const { text } = await applicationHealth(host, name, { signal: context.signal }).catch(() => ({
      text: "",
    }));
    context.warn(`${name} doesn't run on ${url}: NocoBase says ${text || "error and nothing more"}`);
  }
  const seen = liveProps(live, imported ? {} : inputs, account.encryptionKey);
  if (imported) {
    importing.add(id);
    const values = {
      ...seen,
      host: { url, account: account.account },
      database: withoutPassword(seen.database),
    };
    return {
      id,
      inputs: { ...values, jwtSecret: undefined },
      outputs: { ...values, jwtSecret: undefined, url: id },
    };
  }
  return { id, inputs: { ...inputs, ...seen }, outputs: { ...outputs, ...seen, url: idOf(url, name) } };
}

function withoutPassword(database: Props): Props {
  return { ...database, password: undefined };
}

/** What NocoBase says, in the terms of the inputs; `before` decides where several inputs mean the same. */
function liveProps(live: LiveApplication, before: Props, encryptionKey: string | undefined) {
  const autoStart = live.options?.autoStart ?? false;
  const declared = before as Partial<ApplicationInputs>;
  const stopped = declared.state === "stopped";
  const startMode = stopped && !autoStart ? (declared.startMode ?? "auto") : autoStart ? "auto" : "lazy";
  const wanted = { state: declared.state ?? "running", startMode } as const;
  return {
    name: live.name,
    title: live.displayName ?? "",
    cname: live.cname ?? undefined,
    startMode,
    state: stateOf(live.status, wanted),
    database: { ...declared.database, ...liveDatabase(live, encryptionKey) } as Props,
    jwtSecret: live.options?.authManager?.jwt?.secret,
  };
}

/** Import has an address only: who may look there comes from the provider's configuration or the environment. */
function importAccount(url: string, context: Context): Account & Partial<HostInputs> {
  const setting = (key: string, variable: string) => {
    const value = context.config[key] ?? process.env[variable];
    return typeof value === "string" && value ? value : undefined;
  };
  const account = setting("account", "NOCOBASE_ACCOUNT");
  const password = setting("password", "NOCOBASE_PASSWORD");
  if (!account || !password) {
    throw new Error(
      `importing from ${url} needs its root account: set the environment variables NOCOBASE_ACCOUNT and NOCOBASE_PASSWORD ` +
        "(or the provider settings nocobase:account and nocobase:password)",
    );
  }
  return { url, account, password };
}
