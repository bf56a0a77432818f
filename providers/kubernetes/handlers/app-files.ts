import type { DeletionPolicy } from "../../../plan/types";
import type { KubernetesObject } from "../../../toolchain/plugins/kubernetes/api/kinds";
import { changedPaths, sameValue } from "../../kit/values";
import { UNKNOWN, type Context, type Props, type ResourceHandler } from "../../kit/types";
import { failuresOf, isOneOf, isText } from "../../local/handlers/context";
import type { ConnectionSettings } from "../../local/support/database";
import { messageOf } from "../../local/support/files";
import { takeBackup } from "../files/backup";
import { withHelperPod } from "../files/helper-pod";
import { placeFiles, removeFiles, type AppPlace } from "../files/place";
import type { VolumeAccess } from "../files/volume";
import { awaitPod, clusterOf, readyPod, type InstanceAddress } from "../instance-pods";

const READY_LIMIT_MS = 120_000;
/** Of the image and of the platform's manifests. */
const MOUNT_PATH = "/app/nocobase/storage";
const CLAIM = "files";

/** Checked inputs of an AppFiles. */
export interface FilesInputs extends AppPlace {
  /** Name of its backups: `app-crm`. */
  name: string;
  /** NocoBase version. */
  release: string;
  address: InstanceAddress;
  image: string;
  pullSecrets: string[];
  aesKey: string;
  deletion: DeletionPolicy;
  database: ConnectionSettings;
}

function inputsOf(props: Props): FilesInputs {
  return props as unknown as FilesInputs;
}

function placeOf({ key, appName }: FilesInputs): AppPlace {
  return { key, appName };
}

const isHosted = ({ appName }: FilesInputs) => appName !== "main";

/** An instance of its own gets its key as a variable, and makes its folders itself. */
async function apply(news: Props, context: Context): Promise<Props> {
  const inputs = inputsOf(news);
  if (!isHosted(inputs)) return { ...news };
  context.status(`placing the files of ${inputs.key} in namespace ${inputs.address.namespace}`);
  const access = await hostOf(inputs, context.signal);
  await placeFiles(access, placeOf(inputs), inputs.aesKey);
  return { ...news };
}

async function hostOf({ address }: FilesInputs, signal: AbortSignal): Promise<VolumeAccess> {
  return { address, pod: await awaitPod(address, READY_LIMIT_MS, signal), signal };
}

/** With a pod that has the volume: the host's or the app's own, or one for this alone where those are gone. */
async function withVolume<Result>(
  inputs: FilesInputs,
  signal: AbortSignal,
  work: (access: VolumeAccess) => Promise<Result>,
): Promise<Result> {
  if (isHosted(inputs)) return await work(await hostOf(inputs, signal));
  const { address, image, pullSecrets } = inputs;
  const pod = await readyPod(address, signal);
  // Its volume may be one that a single node mounts.
  if (pod) return await work({ address, pod, signal });
  const helper = { address, image, pullSecrets, claim: CLAIM, mountPath: MOUNT_PATH };
  return await withHelperPod(helper, signal, (pod: KubernetesObject) => work({ address, pod, signal }));
}

/** `nocobase-kubernetes:index:AppFiles`. */
export const appFiles: ResourceHandler = {
  secretOutputs: ["aesKey"],

  check(news, olds) {
    const failures = failuresOf(news, {
      key: isText,
      name: isText,
      appName: isText,
      deletion: isOneOf("protect", "backup", "retain", "delete"),
    });
    const [before, after] = [olds?.address, news.address];
    if (before !== undefined && after !== UNKNOWN && !sameValue(before, after)) {
      const [from, to] = [before, after].map((address) => (address as InstanceAddress).namespace);
      failures.push({
        property: "address",
        reason:
          `the files of ${String(news.key)} lie in namespace ${from ?? ""}, and platform kubernetes can't move them to ` +
          `${to ?? ""} yet. Put isolation and environment back; or back the app up, and declare a new one there.`,
      });
    }
    return { inputs: news, failures };
  },

  diff(_id, _olds, news, _context, oldInputs) {
    const changes = changedPaths(oldInputs, news)
      .filter((path) => path !== "image" && path !== "release")
      .map((path) => ({ path, replace: path === "name" || path === "key" }));
    return { changes, deleteBeforeReplace: true };
  },

  async create(inputs, context) {
    return { id: inputsOf(inputs).name, outputs: await apply(inputs, context) };
  },

  update(_id, _olds, news, context) {
    return apply(news, context);
  },

  async delete(_id, outputs, context) {
    const inputs = inputsOf(outputs);
    const { key, deletion, address, database } = inputs;
    const metadata = { name: address.namespace };
    const space = await clusterOf(address).find({ apiVersion: "v1", kind: "Namespace", metadata });
    if (!space) return;
    if (deletion === "retain" || deletion === "protect") {
      context.info(
        `The files of ${key} stay in namespace ${address.namespace}, database ${database.name} and its role on their ` +
          "server. docs/data-safety.md says how to use them again.",
      );
      return;
    }
    if (deletion === "backup") {
      context.info(await backUp(inputs, context));
      return;
    }
    // With a namespace of its own its volume goes, too.
    if (!isHosted(inputs)) return;
    await withVolume(inputs, context.signal, (access) => removeFiles(access, placeOf(inputs))).catch(
      (error: unknown) => context.warn(`The files of ${key} stay in the volume: ${messageOf(error)}`),
    );
  },
};

async function backUp(inputs: FilesInputs, context: Context): Promise<string> {
  const { key, name, database, address } = inputs;
  try {
    context.status(`${name}: dumping database ${database.name}`);
    const folder = await withVolume(inputs, context.signal, (access) =>
      takeBackup(access, { name, database, place: placeOf(inputs), takesFiles: isHosted(inputs) }),
    );
    return `Backup of ${key}: ${folder} in the volume of namespace ${address.namespace} (how to restore it: manifest.json).`;
  } catch (error) {
    throw new Error(
      `${key} was not removed, since its backup failed: ${messageOf(error)}\n` +
        "Repair that and run it again; or put the app back, choose another `deletion`, run `up`, and then take it out.",
    );
  }
}

/**
 * Dumps the database of an app that goes on, into its volume, and reads the dump back.
 * @returns where it lies, for people
 * @throws Error where the dump is not whole
 */
export async function backUpDatabase(inputs: FilesInputs, signal: AbortSignal): Promise<string> {
  const { name, database, address } = inputs;
  const folder = await withVolume(inputs, signal, (access) =>
    takeBackup(access, { name, database, place: placeOf(inputs), takesFiles: false }),
  );
  return `${folder} in the volume of namespace ${address.namespace}`;
}
