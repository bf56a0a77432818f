import * as fs from "node:fs";
import * as path from "node:path";
import { changedPaths } from "../../kit/values";
import { PartialFailure, type Context, type Props, type ResourceHandler } from "../../kit/types";
import { acceptsPassword, changePassword, foreignDatabases, type AdminAccess } from "../postgres/admin";
import { clusterLayout, configurationText, dataMajor, HOST, prepareCluster } from "../postgres/cluster";
import type { ClusterSettings, PreparedCluster } from "../postgres/cluster";
import { databaseOsUser } from "../support/os-user";
import { UnitStore } from "../supervisor/store";
import { portFailures, failuresOf, hasUnknown, isName, isPort, isText, rootOf } from "./context";
import {
  bringUp,
  defineUnit,
  findUnit,
  isRunning,
  removeUnit,
  UNIT_ORDER,
  unitChanges,
  type WantedUnit,
} from "./units";

/** Recovery after a crash may take long; killing a server on its way would make it start over. */
const START_LIMIT_MS = 10 * 60_000;

function settingsOf(props: Props): ClusterSettings {
  const { name, port, adminUser, adminPassword, maxConnections } = props as unknown as ClusterSettings;
  return { name, port, adminUser, adminPassword, maxConnections };
}

function wantedUnit(root: string, settings: ClusterSettings, program: string): WantedUnit {
  const layout = clusterLayout(root, settings.name);
  const user = databaseOsUser();
  return {
    name: settings.name,
    kind: "postgres",
    order: UNIT_ORDER.postgres,
    command: program,
    args: ["-D", layout.data, "-c", `config_file=${layout.configuration}`],
    cwd: "/",
    uid: user?.uid,
    gid: user?.gid,
    configuration: [configurationText(layout, settings)],
    health: {
      probe: { kind: "postgres", host: HOST, port: settings.port },
      intervalMs: 5000,
      timeoutMs: 5000,
      failures: 6,
      startTimeoutMs: START_LIMIT_MS,
    },
    // SIGINT: "fast" shutdown, which ends sessions and writes a checkpoint.
    stop: { signal: "SIGINT", graceMs: 60_000 },
    desired: "running",
  };
}

async function start(root: string, settings: ClusterSettings, context: Context): Promise<PreparedCluster> {
  const prepared = await prepareCluster(root, settings, (message) =>
    context.status(`${settings.name}: ${message}`),
  );
  await bringUp(root, {
    context,
    wanted: wantedUnit(root, settings, path.join(prepared.binaries.folder, "postgres")),
    listens: { host: HOST, port: settings.port, setting: "the database server's `port` in the stack file" },
    timeoutMs: START_LIMIT_MS,
  });
  return prepared;
}

/** Brings the password in line with the declared one; `earlier` are passwords it may still have. */
async function ensurePassword(
  settings: ClusterSettings,
  earlier: readonly string[],
  root: string,
): Promise<void> {
  const access: AdminAccess = settings;
  if (await acceptsPassword(access)) return;
  for (const adminPassword of earlier) {
    if (!(await acceptsPassword({ ...access, adminPassword }))) continue;
    await changePassword({ ...access, adminPassword }, settings.adminPassword);
    return;
  }
  const { data } = clusterLayout(root, settings.name);
  throw new Error(
    `PostgreSQL ${settings.name} refuses the password of ${settings.adminUser}: ${data} was made by another stack state. ` +
      "Bring back that state, or move the folder away to begin with an empty server.",
  );
}

function outputsOf(settings: ClusterSettings, version: string): Props {
  return { ...settings, host: HOST, version, running: true };
}

async function apply(news: Props, earlier: readonly string[], context: Context): Promise<Props> {
  const root = rootOf(context);
  const settings = settingsOf(news);
  const { binaries } = await start(root, settings, context);
  try {
    await ensurePassword(settings, earlier, root);
  } catch (error) {
    throw new PartialFailure((error as Error).message, settings.name, outputsOf(settings, binaries.version));
  }
  return outputsOf(settings, binaries.version);
}

/** `nocobase-local:index:PostgresServer`. */
export const postgresServer: ResourceHandler = {
  computed: ["host", "version"],
  secretOutputs: ["adminPassword"],

  check(news, olds, context) {
    const failures = failuresOf(news, {
      name: isName,
      port: isPort,
      adminUser: (value) =>
        isText(value) ??
        (String(value).startsWith("pg_") ? "names that start with pg_ are PostgreSQL's own" : undefined),
      adminPassword: isText,
      maxConnections: (value) =>
        Number.isInteger(value) && Number(value) >= 10 ? undefined : "must be a whole number of at least 10",
    });
    failures.push(...portFailures([news.port], [olds?.port], context));
    return { inputs: news, failures };
  },

  async diff(_id, _olds, news, context, oldInputs) {
    const replacing = ["name", "adminUser"];
    const changes = changedPaths(oldInputs, news).map((each) => ({
      path: each,
      replace: replacing.includes(each),
    }));
    if (changes.length > 0 || hasUnknown(news))
      return { changes, deleteBeforeReplace: true, stables: ["host"] };
    const root = rootOf(context);
    const settings = settingsOf(news);
    const live = await findUnit(root, settings.name);
    // The program is chosen when it starts; what runs now is compared with itself.
    const program = live?.definition.command ?? "postgres";
    return { changes: await unitChanges(root, defineUnit(root, wantedUnit(root, settings, program))) };
  },

  async create(inputs, context) {
    return { id: settingsOf(inputs).name, outputs: await apply(inputs, [], context) };
  },

  update(_id, olds, news, context) {
    return apply(news, [settingsOf(olds).adminPassword], context);
  },

  async read(id, outputs, context, inputs) {
    const root = rootOf(context);
    if (dataMajor(clusterLayout(root, id).data) === undefined) return { id: undefined, outputs, inputs };
    return { id, outputs: { ...outputs, running: await isRunning(root, id) }, inputs };
  },

  async delete(id, outputs, context) {
    const root = rootOf(context);
    const layout = clusterLayout(root, id);
    if (dataMajor(layout.data) !== undefined) await refuseWhereUsed(root, settingsOf(outputs), context);
    await removeUnit(root, id);
    // Renamed first: a removal cut short must not leave half a data folder that counts as one.
    const doomed = `${layout.data}.deleted`;
    fs.rmSync(doomed, { recursive: true, force: true });
    if (fs.existsSync(layout.data)) fs.renameSync(layout.data, doomed);
    fs.rmSync(layout.folder, { recursive: true, force: true });
  },
};

async function refuseWhereUsed(root: string, settings: ClusterSettings, context: Context): Promise<void> {
  const { data } = clusterLayout(root, settings.name);
  let databases: string[];
  try {
    if (!(await isRunning(root, settings.name))) await start(root, settings, context);
    context.status(`${settings.name}: looking for databases`);
    databases = await foreignDatabases(settings);
  } catch (error) {
    const log = new UnitStore(root).layout.logFile(settings.name);
    throw new Error(
      `PostgreSQL ${settings.name} can't be asked which databases it holds, so it is not removed: ${(error as Error).message}\n` +
        `Repair it (log: ${log}), or, if its data may go, move ${data} away and run this again.`,
    );
  }
  if (databases.length === 0) return;
  throw new Error(
    `PostgreSQL ${settings.name} still holds the databases ${databases.join(", ")}, so it is not removed. ` +
      "Remove the apps they belong to first (see `deletion` in the stack file), or drop them by hand.",
  );
}
