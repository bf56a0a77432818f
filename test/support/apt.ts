/** Debian's packages, where a test needs one and may install it. */
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { run, tail } from "../../toolchain/process";

const APT = "/usr/bin/apt-get";
const LIMIT_MS = 240_000;

/** Installs packages without what they recommend. @returns why they can't be, undefined where they are there */
export async function installPackages(...packages: readonly string[]): Promise<string | undefined> {
  const names = packages.join(", ");
  if (userInfo().uid !== 0 || !existsSync(APT)) return `only root on Debian can install ${names}`;
  const options = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, timeoutMs: LIMIT_MS };
  for (const args of [
    ["update", "-q"],
    ["install", "-yq", "--no-install-recommends", ...packages],
  ]) {
    const { code, stderr } = await run(APT, args, options);
    if (code !== 0) return `apt-get can't install ${names}: ${tail(stderr, 1)}`;
  }
  return undefined;
}
