import { execFile } from "node:child_process";
import { userInfo } from "node:os";
import { promisify } from "node:util";
import { findOnPath } from "../../toolchain/process";

const run = promisify(execFile);

/** Makes sure that images can be made here. @returns why they can't, undefined where they can */
export async function ensureMmdebstrap(): Promise<string | undefined> {
  const find = () => findOnPath("mmdebstrap", process.env.PATH);
  if (find()) return undefined;
  if (userInfo().uid !== 0 || !findOnPath("apt-get", process.env.PATH)) {
    return "no mmdebstrap on PATH, and only root on Debian can install it";
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-q"], { env });
  await run("apt-get", ["install", "-yq", "--no-install-recommends", "mmdebstrap"], { env });
  return find() ? undefined : "apt-get installed no mmdebstrap";
}
