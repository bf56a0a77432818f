import type { DeletionPolicy } from "../../../plan/types";
import { found } from "../../../toolchain/plugins/docker/daemon";
import { changedPaths } from "../../kit/values";
import type { Context, Props, ResourceHandler } from "../../kit/types";
import type { ConnectionSettings } from "../../local/support/database";
import { messageOf } from "../../local/support/files";
import { takeBackup, type BackupRequest } from "../files/backup";
import { placeFiles, removeFiles, type VolumeAccess } from "../files/place";
import { samePlacement, type Placement } from "../files/placement";
import { assertOurs } from "../volume/owned";
import { failuresOf, isOneOf, isText, placeOf } from "./context";

/** Checked inputs of an AppFiles. */
export interface FilesInputs extends Placement {
  /** Name of the backup: `app-crm`. */
  name: string;
  /** NocoBase version. */
  release: string;
  image: string;
  owner: number;
  network: string;
  backupRoot: string;
  aesKey: string;
  deletion: DeletionPolicy;
  database: ConnectionSettings;
  /** `<project>/<stack>` of the volume, where it is another stack's. */
  volumeStack?: string;
}

function inputsOf(props: Props): FilesInputs {
  return props as unknown as FilesInputs;
}

function placementOf({ key, volume, appName }: FilesInputs): Placement {
  return { key, volume, appName };
}

function accessOf({ image, owner }: FilesInputs, context: Context): VolumeAccess {
  return { ...placeOf(context), image, owner, signal: context.signal };
}

async function apply(news: Props, olds: Props | undefined, context: Context): Promise<Props> {
  const inputs = inputsOf(news);
  const { daemon, stack } = placeOf(context);
  const { volume, volumeStack = stack } = inputs;
  await assertOurs(daemon, volume, [volumeStack]);
  const [to, from] = [placementOf(inputs), olds && placementOf(inputsOf(olds))];
  const moved = from && !samePlacement(from, to);
  const isThere = moved && (await found(() => daemon.docker.getVolume(from.volume).inspect())) !== undefined;
  await placeFiles(accessOf(inputs, context), to, inputs.aesKey, isThere ? from : undefined);
  return { ...news };
}

/** `nocobase-docker:index:AppFiles`. */
export const appFiles: ResourceHandler = {
  secretOutputs: ["aesKey"],

  check(news) {
    const failures = failuresOf(news, {
      key: isText,
      name: isText,
      volume: isText,
      appName: isText,
      deletion: isOneOf("protect", "backup", "retain", "delete"),
    });
    return { inputs: news, failures };
  },

  diff(_id, _olds, news, _context, oldInputs) {
    const changes = changedPaths(oldInputs, news)
      .filter((path) => path !== "image")
      .map((path) => ({ path, replace: path === "name" || path === "key" }));
    return { changes, deleteBeforeReplace: true };
  },

  async create(inputs, context) {
    return { id: inputsOf(inputs).name, outputs: await apply(inputs, undefined, context) };
  },

  update(_id, olds, news, context) {
    return apply(news, olds, context);
  },

  async delete(_id, outputs, context) {
    const inputs = inputsOf(outputs);
    const { daemon } = placeOf(context);
    if (!(await found(() => daemon.docker.getVolume(inputs.volume).inspect()))) return;
    if (inputs.deletion === "retain" || inputs.deletion === "protect") {
      context.info(
        `The files of ${inputs.key} stay in the volume ${inputs.volume}, database ${inputs.database.name} and its role ` +
          "on their server. docs/data-safety.md says how to use them again.",
      );
      return;
    }
    if (inputs.deletion === "backup") context.info(await backUp(inputs, context));
    await removeFiles(accessOf(inputs, context), placementOf(inputs));
  },
};

async function backUp(inputs: FilesInputs, context: Context): Promise<string> {
  try {
    const folder = await backUpApp(inputs, {
      ...placeOf(context),
      signal: context.signal,
      status: (message) => context.status(message),
    });
    return `Backup of ${inputs.key}: ${folder} (how to restore it: manifest.json).`;
  } catch (error) {
    throw new Error(
      `${inputs.key} was not removed, since its backup failed: ${messageOf(error)}\n` +
        "Repair that and run it again; or put the app back, choose another `deletion`, run `up`, and then take it out.",
    );
  }
}

/** Takes a verified backup of an app and returns its folder. */
export function backUpApp(
  inputs: FilesInputs,
  access: Pick<BackupRequest, "daemon" | "stack" | "signal" | "status">,
): Promise<string> {
  const { name, image, owner, database, network, backupRoot: root } = inputs;
  return takeBackup({
    ...access,
    name,
    image,
    owner,
    database,
    network,
    root,
    placement: placementOf(inputs),
  });
}
