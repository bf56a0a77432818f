/** Installs from committed lockfiles with npm's own client. */
import * as fs from "node:fs";
import * as path from "node:path";
import { findOnPath, run, tail } from "../../../toolchain/process";

/** Runs `npm ci` without scripts in a folder that holds package.json and package-lock.json. Throws with npm's reason and what to do. */
export async function installLocked(folder: string, what: string): Promise<void> {
  const npm =
    findOnPath("npm", process.env.PATH) ?? findOnPath("npm", path.dirname(fs.realpathSync(process.execPath)));
  if (npm === undefined) throw new Error(`npm is needed to install ${what}, and is not on PATH.`);
  const args = ["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  const result = await run(npm, args, { cwd: folder, env: npmEnvironment() });
  if (result.code === 0) return;
  const output = `${result.stdout}\n${result.stderr}`;
  throw new Error(`npm could not install ${what} in ${folder}.${advice(output)}\n${tail(output)}`);
}

/** Settings of npm that say how to reach the registry; all others in the environment come from an outer `npm run` and are of its package. */
const NETWORK_SETTING =
  /^npm_config_(registry|cache|userconfig|globalconfig|proxy|https_proxy|noproxy|ca|cafile|cert|key|strict_ssl|fetch_.*|maxsockets|@.*|\/\/.*)$/i;

function npmEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !name.toLowerCase().startsWith("npm_") || NETWORK_SETTING.test(name),
  );
  return { ...Object.fromEntries(entries), NODE_ENV: "production" };
}

function advice(output: string): string {
  if (output.includes("ENOSPC")) return " The disk is full: free some space and run it again.";
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN/.test(output)) {
    return " The package registry can't be reached: check the network, or npm's `registry` and proxy settings.";
  }
  if (output.includes("EINTEGRITY")) {
    return " A download is not what the lockfile says: run `npm cache verify` and try again; if it stays so, distrust the registry.";
  }
  return "";
}
