/** Asking an engine who it is, and noting that it was asked. */
import * as fs from "node:fs";
import * as path from "node:path";
import { isExecutable, run, tail } from "../process";

/** Path of the engine in its root folder, as Pulumi's Automation API expects it. */
export function engineFile(root: string): string {
  return path.join(root, "bin", "pulumi");
}

/**
 * Runs `pulumi version`.
 * @returns the version without `v`
 * @throws Error saying what the program answered instead
 */
export async function askVersion(file: string, env: NodeJS.ProcessEnv): Promise<string> {
  const asked = await run(file, ["version"], {
    env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" },
    timeoutMs: 20_000,
  });
  if (asked.code !== 0) {
    const why = asked.timedOut ? "gave no answer within 20 s" : `ended with code ${asked.code}`;
    throw new Error(`\`${file} version\` ${why}: ${tail(asked.stderr, 3) || "no message"}`);
  }
  return asked.stdout.trim().replace(/^v/, "");
}

interface Verified {
  version: string;
  /** Bytes of bin/pulumi when it was asked. */
  size: number;
}

function noteFile(root: string): string {
  return path.join(root, "verified.json");
}

/** Asks the engine in `root` for its version and notes it there, so that later runs need not ask again. */
export async function verify(root: string, env: NodeJS.ProcessEnv): Promise<string> {
  const version = await askVersion(engineFile(root), env);
  const note: Verified = { version, size: fs.statSync(engineFile(root)).size };
  fs.writeFileSync(noteFile(root), JSON.stringify(note));
  return version;
}

/** The version of the engine in `root`, where it was verified and is as it was then; else undefined. */
export function verifiedVersion(root: string): string | undefined {
  if (!isExecutable(engineFile(root))) return undefined;
  try {
    const note = JSON.parse(fs.readFileSync(noteFile(root), "utf8")) as Verified;
    return note.size === fs.statSync(engineFile(root)).size ? note.version : undefined;
  } catch {
    return undefined;
  }
}
