import * as fs from "node:fs";
import type { DeletionPolicy } from "../../../plan/types";
import { changedPaths } from "../../kit/values";
import type { Context, Props, ResourceHandler } from "../../kit/types";
import { requireDumpTools, takeBackup } from "../files/backup";
import { filesLayout, type Placement } from "../files/layout";
import { areLinked, linkFiles, unlinkFiles } from "../files/links";
import { claimFiles, markOwner, ownerOf, stackOf } from "../files/owner";
import { DUMP_TOOLS_ADVICE, findDumpTools } from "../postgres/binaries";
import type { ConnectionSettings } from "../support/database";
import { messageOf } from "../support/files";
import { ensureRoot } from "../support/traversal";
import { failuresOf, hasUnknown, isName, isOneOf, isText, rootOf } from "./context";

interface FilesInputs extends Placement {
  aesKey: string;
  deletion: DeletionPolicy;
  database: ConnectionSettings;
}

function inputsOf(props: Props): FilesInputs {
  const { aesKey, deletion, database, ...placement } = props as unknown as FilesInputs;
  return { ...placementOf(placement), aesKey, deletion, database };
}

function placementOf({ key, name, instance, instanceRoot, appName }: Placement): Placement {
  return { key, name, instance, ...(instanceRoot === undefined ? {} : { instanceRoot }), appName };
}

async function apply(news: Props, olds: Props | undefined, context: Context): Promise<Props> {
  const root = rootOf(context);
  const inputs = inputsOf(news);
  const placement = placementOf(inputs);
  // Better told now than when the app is to go.
  if (inputs.deletion === "backup") await requireDumpTools(inputs.database);
  ensureRoot(root);
  const stack = stackOf(context.urn);
  const note = claimFiles(root, { stack, placement, aesKey: inputs.aesKey });
  if (note !== undefined) context.info(note);
  const before = ownerOf(root, placement.name)?.placement ?? (olds && placementOf(inputsOf(olds)));
  if (before && !areLinked(root, placement)) unlinkFiles(root, before);
  linkFiles(root, placement);
  markOwner(root, { stack, placement });
  return { ...inputs, path: filesLayout(root, placement.name).folder, linked: true };
}

/** `nocobase-local:index:AppFiles`. */
export const appFiles: ResourceHandler = {
  computed: ["path"],
  secretOutputs: ["aesKey"],

  check(news) {
    const failures = failuresOf(news, {
      key: isText,
      name: isName,
      instance: isName,
      appName: isText,
      aesKey: (value) =>
        typeof value === "string" && /^[0-9a-f]{64}$/i.test(value) ? undefined : "must be 64 hex digits",
      deletion: isOneOf("protect", "backup", "retain", "delete"),
    });
    if (news.deletion === "backup" && !findDumpTools()) {
      failures.push({
        property: "deletion",
        reason: `backup needs pg_dump and pg_restore. ${DUMP_TOOLS_ADVICE}`,
      });
    }
    return { inputs: news, failures };
  },

  diff(_id, _olds, news, context, oldInputs) {
    const replacing = ["name", "key"];
    const changes = changedPaths(oldInputs, news).map((path) => ({
      path,
      replace: replacing.includes(path),
    }));
    if (changes.length > 0 || hasUnknown(news)) return { changes, deleteBeforeReplace: true };
    const root = rootOf(context);
    const inputs = inputsOf(news);
    const whole =
      areLinked(root, placementOf(inputs)) && fs.existsSync(filesLayout(root, inputs.name).aesKey);
    return { changes: whole ? [] : [{ path: "linked", inputDiff: false }] };
  },

  async create(inputs, context) {
    return { id: inputsOf(inputs).name, outputs: await apply(inputs, undefined, context) };
  },

  update(_id, olds, news, context) {
    return apply(news, olds, context);
  },

  read(id, outputs, context, inputs) {
    const root = rootOf(context);
    if (!ownerOf(root, id)) return Promise.resolve({ id: undefined, outputs, inputs });
    const linked = areLinked(root, placementOf(inputsOf(outputs)));
    return Promise.resolve({ id, outputs: { ...outputs, linked }, inputs });
  },

  async delete(id, outputs, context) {
    const root = rootOf(context);
    const inputs = inputsOf(outputs);
    const { folder } = filesLayout(root, id);
    const placement = placementOf(inputs);
    const owner = ownerOf(root, id);
    if (!owner) return;
    if (inputs.deletion === "retain" || inputs.deletion === "protect") {
      unlinkFiles(root, placement);
      markOwner(root, { ...owner, retainedAt: owner.retainedAt ?? new Date().toISOString() });
      context.info(
        `The files of ${inputs.key} stay in ${folder}, database ${inputs.database.name} and its role on their server. ` +
          "docs/data-safety.md says how to use them again.",
      );
      return;
    }
    if (inputs.deletion === "backup") context.info(await backUp(root, inputs, context));
    unlinkFiles(root, placement);
    fs.rmSync(folder, { recursive: true, force: true });
  },
};

async function backUp(root: string, inputs: FilesInputs, context: Context): Promise<string> {
  const { database, key } = inputs;
  try {
    const folder = await takeBackup(root, {
      placement: placementOf(inputs),
      database,
      status: (message) => context.status(message),
    });
    return `Backup of ${key}: ${folder} (how to restore it: manifest.json).`;
  } catch (error) {
    throw new Error(
      `${key} was not removed, since its backup failed: ${messageOf(error)}\n` +
        "Repair that and run it again; or put the app back, choose another `deletion`, run `up`, and then take it out.",
    );
  }
}
