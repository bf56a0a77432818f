/** Runs a Pulumi program in a Node.js process of its own, by the SDK's `cmd/run`. */
import { spawn, type ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import * as path from "node:path";
import type { RunRequest } from "@pulumi/pulumi/proto/language_pb";
import { splitArguments, type RuntimeOptions } from "./options";

/** `cmd/run` ends with this code when it has told the user what is wrong: there is nothing to add. */
const ALREADY_REPORTED = 32;
const KILL_AFTER_MS = 5000;

export interface Outcome {
  /** Message for the user; empty where there is none to add. */
  error: string;
  /** The program failed, and has said so itself. */
  bail: boolean;
}

/** A program under way. */
export interface RunningProgram {
  outcome: Promise<Outcome>;
  /** Asks it to end (SIGINT), and ends it after 5 s. */
  cancel(): void;
}

/**
 * Starts the program that the engine asks for.
 * @param engine address of the engine's own service
 * @throws Error where the SDK is not installed, or an option can't be read
 */
export function runProgram(request: RunRequest, engine: string, options: RuntimeOptions): RunningProgram {
  const info = request.getInfo();
  const programDir = info?.getProgramDirectory() ?? request.getPwd();
  const args = [...splitArguments(options.nodeargs), locateRunner(programDir)];
  const flag = (name: string, value: string | undefined): void => {
    if (value) args.push(`--${name}`, value);
  };
  flag("monitor", request.getMonitorAddress());
  flag("engine", engine);
  flag("organization", request.getOrganization());
  flag("project", request.getProject());
  flag("root-directory", info?.getRootDirectory());
  flag("stack", request.getStack());
  flag("pwd", programDir);
  if (request.getDryrun()) args.push("--dry-run");
  flag("parallel", String(request.getParallel()));
  args.push(info?.getEntryPoint() ?? ".", ...request.getArgsList());

  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...configEnvironment(request), ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { outcome: follow(child), cancel: () => cancel(child) };
}

/**
 * The project's own copy of one of the SDK's runners: what is run and its runner must share one SDK.
 * @throws Error where the SDK is not installed
 */
export function locateRunner(programDir: string, runner: "run" | "run-policy-pack" = "run"): string {
  try {
    return createRequire(path.join(programDir, "package.json")).resolve(`@pulumi/pulumi/cmd/${runner}`);
  } catch {
    throw new Error(
      `The Pulumi SDK is not installed in ${programDir}. Run \`npm ci\` there, then try again.`,
    );
  }
}

/** Config in the form that the SDK reads: `namespace:config:name` for what the engine calls `namespace:name`. */
function configEnvironment(request: RunRequest): Record<string, string> {
  const config: Record<string, string> = {};
  request.getConfigMap().forEach((value: string, key: string) => {
    const colon = key.indexOf(":");
    const name = key.slice(colon + 1);
    config[name.startsWith("config:") ? key : `${key.slice(0, colon)}:config:${name}`] = value;
  });
  return {
    PULUMI_CONFIG: JSON.stringify(config),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
  };
}

function follow(child: ChildProcess): Promise<Outcome> {
  let outOfMemory = false;
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.on("data", (chunk: Buffer) => {
    outOfMemory ||= chunk.includes("JavaScript heap out of memory");
  });
  child.stderr?.pipe(process.stderr, { end: false });
  return new Promise((resolve) => {
    child.once("error", (error) => {
      resolve({ error: `The program can't be started: ${error.message}`, bail: false });
    });
    // `close`, not `exit`: by then its output has been passed on.
    child.once("close", (code, signal) => {
      if (code === 0) resolve({ error: "", bail: false });
      else if (code === ALREADY_REPORTED) resolve({ error: "", bail: true });
      else resolve({ error: failure(code, signal, outOfMemory), bail: false });
    });
  });
}

function failure(code: number | null, signal: NodeJS.Signals | null, outOfMemory: boolean): string {
  if (outOfMemory) {
    return "The program ran out of memory. Give it more by `nodeargs: --max-old-space-size=4096` in Pulumi.yaml.";
  }
  return code === null
    ? `Program was ended by signal ${signal ?? "unknown"}`
    : `Program exited with non-zero exit code: ${code}`;
}

function cancel(child: ChildProcess): void {
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
  child.once("close", () => clearTimeout(timer));
}
