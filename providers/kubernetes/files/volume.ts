/** Programs that work on an instance's volume, in a pod that has it mounted. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_DIR } from "../../../toolchain/locations";
import type { KubernetesObject } from "../../../toolchain/plugins/kubernetes/api/kinds";
import { runIn, type InstanceAddress } from "../instance-pods";

/** A pod that has the volume mounted. */
export interface VolumeAccess {
  readonly address: InstanceAddress;
  readonly pod: KubernetesObject;
  readonly signal: AbortSignal;
}

/** The image says in this variable where the volume lies. */
const ENTER = "process.chdir(process.env.STORAGE_PATH);";
/** Goes on with `input`, the first bytes that come in, as many as the first argument says. */
const READ = `${ENTER}
let input = Buffer.alloc(0);
process.stdin.on("data", (bytes) => {
  input = Buffer.concat([input, bytes]);
  if (input.length < Number(process.argv[1])) return;
  process.stdin.destroy();
  work();
});`;
const RUN = `${READ}
function work() { eval(input.toString()); }`;
const WRITE = `${READ}
function work() {
  const fs = require("node:fs"), path = require("node:path");
  fs.mkdirSync(path.dirname(process.argv[2]), { recursive: true, mode: 0o700 });
  fs.writeFileSync(process.argv[2], input, { mode: 0o600 });
}`;
const REMOVE = `${ENTER} require("node:fs").rmSync(process.argv[1], { force: true });`;

const SCRIPTS = {
  files: path.join(PROJECT_DIR, "providers/docker/scripts/files.cjs"),
  backup: path.join(PROJECT_DIR, "providers/docker/scripts/backup.cjs"),
  keep: path.join(PROJECT_DIR, "providers/kubernetes/scripts/keep.cjs"),
};

/**
 * Runs one of the scripts in the volume's folder, a task as its argument.
 * @returns exit code and output
 */
export async function runScript(access: VolumeAccess, name: keyof typeof SCRIPTS, task: object) {
  const script = fs.readFileSync(SCRIPTS[name]);
  const command = ["node", "-e", RUN, String(script.length), JSON.stringify(task)];
  return await runIn(access.address, access.pod, command, { input: script, signal: access.signal });
}

/**
 * A file in the volume while `work` runs, readable by NocoBase's user alone.
 * @param file path within the volume
 */
export async function withFile<Result>(
  access: VolumeAccess,
  file: string,
  content: string | Uint8Array,
  work: () => Promise<Result>,
): Promise<Result> {
  const { address, pod, signal } = access;
  const bytes = Buffer.from(content);
  const command = ["node", "-e", WRITE, String(bytes.length), file];
  const written = await runIn(address, pod, command, { input: bytes, signal });
  if (written.code !== 0) throw new Error(`the volume can't be written to: ${written.output}`);
  try {
    return await work();
  } finally {
    await runIn(address, pod, ["node", "-e", REMOVE, file], { input: "" }).catch(() => undefined);
  }
}
