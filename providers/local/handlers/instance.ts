import * as fs from "node:fs";
import { changedPaths } from "../../kit/values";
import {
  PartialFailure,
  UNKNOWN,
  type CheckFailure,
  type Context,
  type Props,
  type ResourceHandler,
} from "../../kit/types";
import { guestsOf } from "../files/guests";
import { linkFilesOfInstance } from "../files/links";
import { instanceInputs, instanceUrl, replicasOf, type InstanceInputs } from "../instance/inputs";
import { allRun, areInForce, bringUpFirst, bringUpOthers, removeReplicas } from "../instance/replicas";
import { settle } from "../instance/settle";
import { removeStorage } from "../instance/storage";
import { instanceLayout, START_LIMIT_MS } from "../instance/unit";
import { ensureRelease } from "../release";
import { queryDatabase } from "../support/database";
import { ensureFolder, messageOf } from "../support/files";
import { waitUntilHealthy } from "../supervisor/client";
import { ensureRoot } from "../support/traversal";
import { portFailures, failuresOf, hasUnknown, isName, isOneOf, isPort, isText, rootOf } from "./context";
import { findReplicas, findUnit, repairs } from "./units";

function outputsOf(inputs: InstanceInputs, running: boolean): Props {
  return { ...inputs, url: instanceUrl(inputs), ports: replicasOf(inputs).map(({ port }) => port), running };
}

async function run(
  inputs: InstanceInputs,
  olds: InstanceInputs | undefined,
  context: Context,
): Promise<void> {
  const root = rootOf(context);
  await ensureRelease(inputs.release);
  // NocoBase tries an unreachable database for minutes, silently.
  if (inputs.state === "running") await queryDatabase(inputs.database, "SELECT 1");
  ensureRoot(root);
  const { folder, storage } = instanceLayout(root, inputs.name);
  ensureFolder(folder);
  ensureFolder(storage);
  linkFilesOfInstance(root, inputs.name);
  await bringUpFirst(root, inputs, olds, context);
  if (inputs.state === "running") await settleFirst(root, inputs, olds, context);
  await bringUpOthers(root, inputs, context);
}

/** Before there is a second process: what is set up inside must not happen twice. */
async function settleFirst(
  root: string,
  inputs: InstanceInputs,
  olds: InstanceInputs | undefined,
  context: Context,
): Promise<void> {
  await settle(inputs, olds, context);
  // Switching the plugin on reloads the app: done is what the supervisor finds healthy again.
  await waitUntilHealthy(root, inputs.name, { timeoutMs: START_LIMIT_MS, signal: context.signal });
}

async function apply(news: Props, olds: Props | undefined, context: Context): Promise<Props> {
  const inputs = instanceInputs(news);
  try {
    await run(inputs, olds && instanceInputs(olds), context);
  } catch (error) {
    const root = rootOf(context);
    // Once the supervisor has it, it must be in the state too, or nobody would ever remove it.
    if (!(await findUnit(root, inputs.name))) throw error;
    throw new PartialFailure(messageOf(error), inputs.name, outputsOf(inputs, false));
  }
  return outputsOf(inputs, inputs.state === "running");
}

/** Ports for all replicas, and several only where no apps are hosted. */
function replicaFailures(news: Props): CheckFailure[] {
  if (hasUnknown([news.replicas, news.replicaPorts, news.hostsApps])) return [];
  const { replicas = 1, replicaPorts = [], hostsApps } = news as Partial<InstanceInputs>;
  const failures: CheckFailure[] = [];
  const fail = (property: string, reason: string): unknown => failures.push({ property, reason });
  if (!Number.isInteger(replicas) || replicas < 1)
    fail("replicas", `${JSON.stringify(replicas)} must be a whole number from 1`);
  else if (replicas > 1 && hostsApps === true)
    fail("replicas", "an instance that hosts apps can't be more than 1");
  else if (replicaPorts.length !== replicas - 1)
    fail("replicaPorts", `${replicaPorts.length} ports for ${replicas - 1} further replicas`);
  return failures;
}

/** Of all replicas; what isn't known yet among them. */
function portsOf({ port, replicaPorts }: Props): unknown[] {
  return [port, ...(Array.isArray(replicaPorts) ? (replicaPorts as unknown[]) : [])];
}

/** `nocobase-local:index:Instance`. */
export const instance: ResourceHandler = {
  computed: ["url", "ports"],
  secretOutputs: ["secretEnv", "rootPassword"],

  check(news, olds, context) {
    const failures = failuresOf(news, {
      name: isName,
      key: isName,
      title: isText,
      release: isText,
      host: isText,
      port: isPort,
      state: isOneOf("running", "stopped"),
      rootEmail: isText,
      rootPassword: isText,
    });
    const clashes = portFailures(portsOf(news), olds ? portsOf(olds) : [], context);
    return { inputs: news, failures: [...failures, ...replicaFailures(news), ...clashes] };
  },

  async diff(_id, _olds, news, context, oldInputs) {
    // The name of the database comes from its Grant, which is replaced when the app moves: unknown means "moving".
    const database = news.database as Props | typeof UNKNOWN;
    const moving = database === UNKNOWN || database.name === UNKNOWN;
    const changes = changedPaths(oldInputs, news).map((path) => ({
      path,
      replace: path === "name" || path === "database.name" || (moving && path === "database"),
    }));
    if (changes.length > 0 || hasUnknown(news)) return { changes, deleteBeforeReplace: true };
    const inForce = await areInForce(rootOf(context), instanceInputs(news));
    return { changes: inForce ? [] : repairs };
  },

  async create(inputs, context) {
    return { id: String(inputs.name), outputs: await apply(inputs, undefined, context) };
  },

  update(_id, olds, news, context) {
    return apply(news, olds, context);
  },

  async read(id, outputs, context, inputs) {
    const root = rootOf(context);
    const exists = fs.existsSync(instanceLayout(root, id).folder) || (await findUnit(root, id));
    if (!exists) return { id: undefined, outputs, inputs };
    return { id, outputs: { ...outputs, running: allRun(await findReplicas(root, id)) }, inputs };
  },

  async delete(id, _outputs, context) {
    const root = rootOf(context);
    const guests = guestsOf(root, id).map(({ stack, name }) => `${name} of ${stack}`);
    if (guests.length > 0) {
      throw new Error(
        `${id} hosts apps of other stacks: ${guests.join(", ")}. Move or remove them first, by their own stack files.`,
      );
    }
    context.status(`${id}: stopping`);
    await removeReplicas(root, id);
    const kept = removeStorage(root, id);
    if (kept) context.info(`Files that were not in ${id}'s own upload folder were moved to ${kept}.`);
  },
};
