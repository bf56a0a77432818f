/** Opens a stack for a command: stack file → plan → engine → Automation API. */
import * as fs from "node:fs";
import * as path from "node:path";
import { LocalWorkspace, PulumiCommand, type Stack } from "@pulumi/pulumi/automation";
import { formatFaults } from "../config/faults";
import type { FleetSpec } from "../config/spec";
import { readStackFile } from "../config/stack-file";
import { planFleet } from "../plan/fleet";
import { planTenant } from "../plan/tenant";
import type { PlatformFacts, StackPlan } from "../plan/types";
import { platformCapabilities } from "../platforms/capabilities";
import type { Operations } from "../platforms/operations";
import { createOperations, createPlatformOperations } from "../platforms/operate";
import { ensureRelease } from "../providers/local/release";
import { backendEnvironment } from "../toolchain/backend";
import { ensureToolchain, type Toolchain } from "../toolchain/ensure";
import { lineProgress, noProgress, type Progress } from "../toolchain/progress";
import { PROJECT, projectDirectory } from "../toolchain/project";
import { describeLock, freeStaleLocks } from "../toolchain/stack-lock";
import { ExitCode, UserError } from "./exit-codes";
import { firstLines } from "./output/engine-message";
import { withoutReport } from "./without-report";
import { ensureImages } from "./images";
import { settlePendingOperations, type StateResource } from "./pending";
import {
  engineOutputs,
  readPlatform,
  requireRunning,
  type EngineAccess,
  type PlatformOutputs,
} from "./platform";
import { repair } from "./repair";
import { usePrivateTemp } from "./private-temp";
import type { StackOutputs } from "./status/rows";

export interface FleetStack {
  readonly name: string;
  readonly projectDir: string;
  readonly plan: StackPlan;
  /** A tenant's: outputs of its platform stack. */
  readonly platform?: PlatformOutputs;
  readonly engine: EngineAccess;
  readonly toolchain: Toolchain;
  readonly stack: Stack;
  readonly operations: Operations;
  /** What the state held when the stack was opened to be changed; empty otherwise. */
  readonly resources: readonly StateResource[];
  /** The stack's outputs. @throws UserError where the stack was never brought up */
  outputs(): Promise<StackOutputs>;
}

export interface OpenOptions {
  /** No progress lines; for commands whose output is the result alone. */
  quiet?: boolean;
  /** Make the stack in the state backend where it isn't there yet. */
  create?: boolean;
  /** Also install the NocoBase releases of the plan, side by side with the engine. */
  prefetch?: boolean;
  /** Free a lock that a killed run left, and settle what it left half-done. */
  recover?: boolean;
}

/**
 * Reads and validates a stack file.
 *
 * @param facts of a tenant's platform, where they are known
 * @throws UserError with every fault at once
 */
export function readSpec(projectDir: string, stackName: string, facts?: PlatformFacts): FleetSpec {
  const file = path.join(projectDir, `Pulumi.${stackName}.yaml`);
  if (!fs.existsSync(file)) throw new UserError(missingStackFile(projectDir, stackName), ExitCode.usage);
  const { spec, faults } = readStackFile(file, facts);
  if (faults) throw new UserError(formatFaults(faults, path.relative(process.cwd(), file)), ExitCode.usage);
  return spec;
}

/** Everything a command needs. @throws UserError for mistakes in the stack file, a missing stack or a held lock */
export async function openStack(name: string, options: OpenOptions = {}): Promise<FleetStack> {
  const projectDir = projectDirectory();
  const spec = readSpec(projectDir, name);
  usePrivateTemp(projectDir);
  const progress = options.quiet ? noProgress : lineProgress((line) => console.log(line));
  const fleet = spec.platformStack === undefined ? planFleet(spec) : undefined;
  const [toolchain] = await Promise.all([
    ensureToolchain({ progress }),
    options.prefetch && fleet ? installReleases(fleet, progress) : undefined,
  ]).catch(forUser(ExitCode.failed));
  const env = { ...toolchain.env, ...attempt(() => backendEnvironment(projectDir, process.env)) };
  const engine = { enginePath: toolchain.engine.path, projectDir, env: { ...process.env, ...env } };
  const platform =
    spec.platformStack === undefined ? undefined : await readPlatform(spec.platformStack, name, engine);
  const plan = fleet ?? planOn(projectDir, name, platform);
  if (options.prefetch && !fleet) await installReleases(plan, progress).catch(forUser(ExitCode.failed));
  if (options.recover && plan.platformStack !== undefined) {
    const hosts = Object.values(plan.apps).flatMap(({ host }) => host ?? []);
    await requireRunning(plan, createPlatformOperations(plan.facts, hosts));
  }
  if (options.recover) unlock(name, engine.env);
  const settings = { ...env, ...parallelism(plan) };
  const stack = await selectStack(name, projectDir, toolchain, settings, options.create ?? false);
  const operations = createOperations(plan, projectDir);
  let resources: StateResource[] = [];
  if (options.recover) {
    resources = await settlePendingOperations({
      stack,
      ...engine,
      say: (line) => console.error(line),
      wake: () => ensureRunning(operations),
    });
    await repair(stack, engine, operations, resources);
  }
  let outputs: Promise<StackOutputs> | undefined;
  return {
    name,
    projectDir,
    plan,
    platform,
    engine,
    toolchain,
    stack,
    operations,
    resources,
    outputs: () => (outputs ??= readOutputs(name, engine)),
  };
}

/** What the platform is best worked on with, unless the user has said otherwise. */
function parallelism({ platform }: StackPlan): Record<string, string> {
  const { operationsAtOnce } = platformCapabilities[platform];
  if (operationsAtOnce === undefined || process.env.PULUMI_PARALLEL !== undefined) return {};
  return { PULUMI_PARALLEL: String(operationsAtOnce) };
}

/** A tenant's plan; its file is checked once more, against what its platform has. */
function planOn(projectDir: string, name: string, platform: PlatformOutputs | undefined): StackPlan {
  if (!platform) throw new Error(`stack ${name} has no platform`);
  const { facts } = platform.forTenants;
  return planTenant(readSpec(projectDir, name, facts), facts);
}

/** Toolchain and backend speak to the user in their errors: those are shown as they are, without a stack trace. */
function forUser(exitCode: number): (error: unknown) => never {
  return (error) => {
    throw new UserError(error instanceof Error ? error.message : String(error), exitCode);
  };
}

function attempt<Result>(run: () => Result, exitCode: number = ExitCode.failed): Result {
  try {
    return run();
  } catch (error) {
    return forUser(exitCode)(error);
  }
}

function unlock(stack: string, env: NodeJS.ProcessEnv): void {
  const backendUrl = env.PULUMI_BACKEND_URL ?? "";
  const freed = attempt(() => freeStaleLocks(backendUrl, { project: PROJECT, stack }), ExitCode.locked);
  for (const lock of freed) console.error(`Freed the stack: it was locked by ${describeLock(lock)}.`);
}

/** The engine's command line, which is started once to be asked for its version. */
let command: Promise<PulumiCommand> | undefined;

async function selectStack(
  name: string,
  projectDir: string,
  toolchain: Toolchain,
  env: Record<string, string>,
  create: boolean,
): Promise<Stack> {
  const { engine } = toolchain;
  command ??= PulumiCommand.get({ root: engine.root });
  const pulumiCommand = await command;
  const program = () => {
    // Loaded late: the SDKs behind the program cost a second, which `status` needn't pay.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- tsx hooks require(), not import(), in CommonJS
    const fleet = require("../index") as typeof import("../index");
    return fleet();
  };
  const args = { stackName: name, projectName: PROJECT, program };
  const workspace = { workDir: projectDir, pulumiCommand, pulumiHome: toolchain.pulumiHome, envVars: env };
  if (create) return withoutReport(await LocalWorkspace.createOrSelectStack(args, workspace));
  const selected = LocalWorkspace.selectStack(args, workspace).catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    if (!/no stack named/.test(text)) throw new UserError(firstLines(text));
    throw new UserError(
      `stack "${name}" was never brought up; run: npm run up -- --stack ${name}`,
      ExitCode.failed,
    );
  });
  return withoutReport(await selected);
}

/** What a stack's state holds now. */
export async function currentResources(stack: Stack): Promise<StateResource[]> {
  const exported = await stack.exportStack();
  return (exported.deployment as { resources?: StateResource[] | null }).resources ?? [];
}

async function readOutputs(stack: string, engine: EngineAccess): Promise<StackOutputs> {
  const value = await engineOutputs(
    stack,
    engine,
    (stderr) => `stack "${stack}" can't be read: ${firstLines(stderr)}`,
  );
  if (value.apps === undefined || value.credentials === undefined) {
    throw new UserError(
      "the fleet isn't up: its last update didn't finish, or it was destroyed. Run: fleet up",
    );
  }
  return value as unknown as StackOutputs;
}

async function installReleases(plan: StackPlan, progress: Progress): Promise<void> {
  if (plan.platform === "local") {
    for (const version of plan.releases) await ensureRelease(version, { progress });
  }
  if (plan.platform === "docker") await ensureImages(plan, progress);
}

function missingStackFile(projectDir: string, stackName: string): string {
  const found = fs
    .readdirSync(projectDir)
    .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
    .sort();
  return `there is no Pulumi.${stackName}.yaml in ${projectDir}; stack files here: ${found.join(", ") || "none"}`;
}

/** Starts what is down before the engine talks to it: after a reboot `destroy` and `refresh` need the fleet running. */
export async function ensureRunning(operations: Operations): Promise<void> {
  const down = (await operations.parts()).filter(({ state }) => state !== "running" && state !== "stopped");
  if (down.length === 0) return;
  console.log(
    `Starting ${down.map(({ name }) => name).join(", ")} first, since the engine has to talk to them.`,
  );
  await operations.start([], (line) => console.log(`  ${line}`));
}
