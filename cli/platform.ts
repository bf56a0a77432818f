/** A tenant's platform stack, read by the engine. */
import type { PlatformExport } from "../components/platform-export";
import { platformExport } from "../config/platform-export";
import { serverName } from "../plan/names";
import type { TenantPlan } from "../plan/types";
import type { Operations } from "../platforms/operations";
import { run, tail } from "../toolchain/process";
import { UserError } from "./exit-codes";
import type { StackOutputs } from "./status/rows";

/** Outputs of a platform stack. */
export interface PlatformOutputs extends StackOutputs {
  forTenants: PlatformExport;
}

export interface EngineAccess {
  enginePath: string;
  projectDir: string;
  /** Whole environment of the engine. */
  env: NodeJS.ProcessEnv;
}

const LIMIT_MS = 120_000;

/**
 * Says no to changing a tenant whose platform is down: nothing would answer. Starting it is for those who run it.
 *
 * @param operations of the platform stack
 * @throws UserError naming what is down, of the parts that the tenant uses
 */
export async function requireRunning(plan: TenantPlan, operations: Operations): Promise<void> {
  const apps = Object.values(plan.apps);
  const used = new Set([
    "gateway",
    ...apps.flatMap(({ host }) => (host === undefined ? [] : (plan.facts.environments[host]?.name ?? []))),
    ...apps.map(({ database }) => serverName(database.server)),
    // It is told of apps in its environments.
    ...(plan.facts.entry && apps.some(({ host }) => host !== undefined) ? [plan.facts.entry.name] : []),
  ]);
  const down = (await operations.parts()).filter(({ name, state }) => used.has(name) && state !== "running");
  if (down.length === 0) return;
  const names = down.map(({ name, state }) => `${name} (${state})`).join(", ");
  throw new UserError(
    `platform stack ${plan.platformStack}, which ${plan.stack} stands on, doesn't run: ${names}.\n` +
      `Start it first: fleet start --stack ${plan.platformStack}`,
  );
}

/**
 * Reads what a platform stack offers.
 *
 * @param tenant the stack that stands on it, for the message
 * @throws UserError where it isn't up
 */
export function readPlatform(
  platformStack: string,
  tenant: string,
  access: EngineAccess,
): Promise<PlatformOutputs> {
  const known = read.get(platformStack) ?? readOutputs(platformStack, tenant, access);
  read.set(platformStack, known);
  known.catch(() => read.delete(platformStack));
  return known;
}

/** By stack. A process works in one project, on one backend, and outlives one operation for previews only. */
const read = new Map<string, Promise<PlatformOutputs>>();

async function readOutputs(
  platformStack: string,
  tenant: string,
  access: EngineAccess,
): Promise<PlatformOutputs> {
  const outputs = await engineOutputs(platformStack, access, (stderr) =>
    /no stack named/.test(stderr)
      ? `stack ${tenant} stands on platform stack "${platformStack}", which was never brought up; ` +
        `run: fleet up --stack ${platformStack}`
      : `platform stack "${platformStack}" of ${tenant} can't be read: ${tail(stderr, 3)}`,
  );
  const forTenants = platformExport(outputs.forTenants, platformStack, (text) => new UserError(text));
  return { ...(outputs as unknown as PlatformOutputs), forTenants };
}

/**
 * A stack's outputs, secrets in the clear: none before its first update. The SDK starts the engine twice for them.
 *
 * @param explain what to tell the user, from what the engine said
 * @throws UserError where the engine can't read them
 */
export async function engineOutputs(
  stack: string,
  { enginePath, projectDir, env }: EngineAccess,
  explain: (stderr: string) => string,
): Promise<Record<string, unknown>> {
  const args = ["stack", "output", "--json", "--show-secrets", "--non-interactive", "--stack", stack];
  const { code, stdout, stderr } = await run(enginePath, args, { cwd: projectDir, env, timeoutMs: LIMIT_MS });
  if (code !== 0) throw new UserError(explain(stderr));
  return JSON.parse(stdout) as Record<string, unknown>;
}
