/** The engine by Pulumi's own installer (Automation API), in a process of its own that a time limit can end. */
import * as fs from "node:fs";
import * as path from "node:path";
import type { DownloadSite } from "../network";
import { run, tail } from "../process";
import { withHeartbeat, type Progress } from "../progress";
import { pinnedEngineVersion } from "../versions";
import { engineFile, verify } from "./version";

/** About 150 MB; on a line too slow for that, a build from Go modules is no worse. */
const LIMIT_MS = 10 * 60_000;

/** Folder of the downloaded engine. */
export function downloadRoot(projectDir: string, cache: string): string {
  const machine = `${process.platform}-${process.arch}`;
  return path.join(cache, "engine", `${pinnedEngineVersion(projectDir)}-${machine}-official`);
}

/**
 * Installs the official engine of the pinned version into `root`; the caller holds the lock.
 * @returns its version, or the reason why the network refused
 */
export async function downloadEngine(
  projectDir: string,
  root: string,
  env: NodeJS.ProcessEnv,
  site: DownloadSite,
  progress: Progress,
): Promise<{ version: string } | { refusal: string }> {
  const wanted = pinnedEngineVersion(projectDir);
  const part = progress.start(`Downloading the Pulumi engine ${wanted}`);
  const refused = (refusal: string): { refusal: string } => {
    site.remember(refusal);
    part.failed(`not possible here (${refusal})`);
    return { refusal };
  };
  const unreachable = await site.refusal();
  if (unreachable !== undefined) return refused(unreachable);

  const partial = `${root}.partial`;
  fs.rmSync(partial, { recursive: true, force: true });
  fs.mkdirSync(partial, { recursive: true });
  const script = `
    const { PulumiCommand } = require("@pulumi/pulumi/automation");
    const { SemVer } = require("semver");
    const [root, version] = process.argv.slice(1);
    PulumiCommand.install({ root, version: new SemVer(version) }).catch((error) => {
      console.error(error.message);
      process.exit(1);
    });`;
  const installed = await withHeartbeat(
    part,
    (seconds) => `${seconds} s`,
    () =>
      run(process.execPath, ["-e", script, partial, wanted], { cwd: projectDir, env, timeoutMs: LIMIT_MS }),
  );
  if (installed.code !== 0 || !fs.existsSync(engineFile(partial))) {
    fs.rmSync(partial, { recursive: true, force: true });
    return refused(installed.timedOut ? "not done within 10 minutes" : tail(installed.stderr, 1));
  }
  const version = await verify(partial, env);
  fs.rmSync(root, { recursive: true, force: true });
  fs.renameSync(partial, root);
  part.done(`version ${version}`);
  return { version };
}
