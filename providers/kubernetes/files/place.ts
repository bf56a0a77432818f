/** Makes and removes an app's files in the volume of the instance that hosts it. */
import { pathsOf } from "../../docker/files/placement";
import { runScript, withFile, type VolumeAccess } from "./volume";

/** An app inside an instance. */
export interface AppPlace {
  /** Key of the app; the subfolder of its uploads. */
  readonly key: string;
  /** Its name inside the instance: `main`, or its key where it is shared. */
  readonly appName: string;
}

/** Exit code of the script: the AES key that is there is another one. */
const OTHER_KEY = 3;
/** User of the image. */
const OWNER = 1000;

/**
 * Makes the app's folders and its AES key.
 * @throws Error where another AES key lies there: it is never overwritten
 */
export async function placeFiles(access: VolumeAccess, place: AppPlace, aesKey: string): Promise<void> {
  const aesKeyFile = `apps/.${place.appName}.key`;
  const task = { action: "place", owner: OWNER, aesKeyFile, to: { root: ".", ...place } };
  const { namespace } = access.address;
  const { code, output } = await withFile(access, aesKeyFile, Buffer.from(aesKey, "hex"), () =>
    runScript(access, "files", task),
  );
  if (code === OTHER_KEY) {
    throw new Error(
      `The volume of namespace ${namespace} holds another AES key for ${place.key} than this stack: fields stored with ` +
        "it would become unreadable, so it is not overwritten. Bring back the stack state that made it, or remove " +
        `${pathsOf({ ...place, volume: "" })["aes_key.dat"]} from the volume to begin anew.`,
    );
  }
  if (code !== 0) {
    throw new Error(
      `The files of ${place.key} can't be placed in the volume of namespace ${namespace}: ${output}`,
    );
  }
}

/** Removes an app's files. */
export async function removeFiles(access: VolumeAccess, place: AppPlace): Promise<void> {
  const task = { action: "remove", to: { root: ".", ...place } };
  const { code, output } = await runScript(access, "files", task);
  if (code === 0) return;
  const { namespace } = access.address;
  throw new Error(`The files of ${place.key} can't be removed from namespace ${namespace}: ${output}`);
}
