import * as fs from "node:fs";
import { changedPaths } from "../../kit/values";
import { PartialFailure, UNKNOWN, type Context, type Props, type ResourceHandler } from "../../kit/types";
import { guestsOf } from "../files/guests";
import { linkFilesOfInstance } from "../files/links";
import { instanceInputs, instanceUrl, type InstanceInputs } from "../instance/inputs";
import { settle } from "../instance/settle";
import { removeStorage } from "../instance/storage";
import { instanceLayout, instanceUnit, START_LIMIT_MS } from "../instance/unit";
import { ensureRelease } from "../release";
import { queryDatabase } from "../support/database";
import { ensureFolder, messageOf } from "../support/files";
import { waitUntilHealthy } from "../supervisor/client";
import { ensureRoot } from "../support/traversal";
import { failuresOf, hasUnknown, isName, isOneOf, isPort, isText, rootOf } from "./context";
import { bringUp, defineUnit, findUnit, isRunning, removeUnit, unitChanges } from "./units";

function outputsOf(inputs: InstanceInputs, running: boolean): Props {
  return { ...inputs, url: instanceUrl(inputs), running };
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
  await bringUp(root, {
    context,
    wanted: instanceUnit(root, inputs),
    listens: {
      host: inputs.host,
      port: inputs.port,
      setting: `the \`port\` of ${inputs.key} in the stack file`,
    },
    timeoutMs: START_LIMIT_MS,
  });
  if (inputs.state === "stopped") return;
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

/** `nocobase-local:index:Instance`. */
export const instance: ResourceHandler = {
  computed: ["url"],
  secretOutputs: ["secretEnv", "rootPassword"],

  check(news) {
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
    return { inputs: news, failures };
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
    const root = rootOf(context);
    return { changes: await unitChanges(root, defineUnit(root, instanceUnit(root, instanceInputs(news)))) };
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
    return { id, outputs: { ...outputs, running: await isRunning(root, id) }, inputs };
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
    await removeUnit(root, id);
    const kept = removeStorage(root, id);
    if (kept) context.info(`Files that were not in ${id}'s own upload folder were moved to ${kept}.`);
  },
};
