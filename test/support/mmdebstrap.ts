import { findOnPath } from "../../toolchain/process";
import { installPackages } from "./apt";

/** Makes sure that images can be made here. @returns why they can't, undefined where they can */
export async function ensureMmdebstrap(): Promise<string | undefined> {
  const find = () => findOnPath("mmdebstrap", process.env.PATH);
  if (find()) return undefined;
  const refused = await installPackages("mmdebstrap");
  if (refused !== undefined) return `no mmdebstrap on PATH, and ${refused}`;
  return find() ? undefined : "apt-get installed no mmdebstrap";
}
