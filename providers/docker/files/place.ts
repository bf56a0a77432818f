/** Makes, moves and removes an app's files inside volumes, with a program that runs in a container. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_DIR } from "../../../toolchain/locations";
import type { Daemon } from "../../../toolchain/plugins/docker/daemon";
import { Helper } from "../volume/helper";
import type { Placement } from "./placement";

const SCRIPT = path.join(PROJECT_DIR, "providers", "docker", "scripts", "files.cjs");
const WORK = "/work";
const [TO, FROM] = ["/to", "/from"];
/** Exit code of the script: the AES key that is there is another one. */
const OTHER_KEY = 3;

export interface VolumeAccess {
  daemon: Daemon;
  image: string;
  stack: string;
  /** Number of the user that NocoBase runs as. */
  owner: number;
  signal: AbortSignal;
}

/**
 * Makes the app's folders and its AES key, and brings its files from where they were.
 * @throws Error where another AES key lies there: it is never overwritten
 */
export async function placeFiles(
  access: VolumeAccess,
  to: Placement,
  aesKey: string,
  from?: Placement,
): Promise<void> {
  const moved = from && from.volume !== to.volume;
  const volumes = { [TO]: to.volume, [WORK]: "", ...(moved ? { [FROM]: from.volume } : {}) };
  const aesKeyFile = `${WORK}/aes_key`;
  const task = {
    action: "place",
    owner: access.owner,
    aesKeyFile,
    to: { root: TO, ...to },
    ...(from ? { from: { root: moved ? FROM : TO, ...from } } : {}),
  };
  const { code, output } = await runScript(access, volumes, task, { aes_key: Buffer.from(aesKey, "hex") });
  if (code === OTHER_KEY) {
    throw new Error(
      `The volume ${to.volume} holds another AES key for ${to.key} than this stack: fields stored with it would become ` +
        "unreadable, so it is not overwritten. Bring back the stack state that made it, or remove the volume to begin anew.",
    );
  }
  if (code !== 0)
    throw new Error(`The files of ${to.key} can't be placed in the volume ${to.volume}: ${output}`);
}

/** Removes an app's files. */
export async function removeFiles(access: VolumeAccess, placement: Placement): Promise<void> {
  const task = { action: "remove", to: { root: TO, ...placement } };
  const { code, output } = await runScript(access, { [TO]: placement.volume, [WORK]: "" }, task, {});
  if (code !== 0)
    throw new Error(`The files of ${placement.key} can't be removed from ${placement.volume}: ${output}`);
}

function runScript(
  { daemon, image, stack, signal }: VolumeAccess,
  volumes: Record<string, string>,
  task: object,
  files: Readonly<Record<string, Buffer>>,
) {
  const program = [`${WORK}/files.cjs`, JSON.stringify(task)];
  return Helper.use({ daemon, image, stack, volumes, signal }, program, async (helper) => {
    const script = fs.readFileSync(SCRIPT);
    await helper.put(
      WORK,
      Object.entries({ ...files, "files.cjs": script }).map(([name, content]) => ({
        path: name,
        content,
        owner: 0,
        mode: 0o400,
      })),
    );
    return await helper.run();
  });
}
