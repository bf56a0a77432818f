/** Tenants' stacks that stand on a platform stack, and refusing to take from under them what they stand on. */
import { run, tail } from "../toolchain/process";
import type { StackPlan } from "../plan/types";
import type { StateResource } from "./pending";
import type { EngineAccess } from "./platform";
import { UserError } from "./exit-codes";

/** One tenant's stack, as its state says. */
export interface Tenant {
  stack: string;
  apps: TenantApp[];
}

export interface TenantApp {
  key: string;
  /** `shared:<environment>` or `dedicated`; undefined where its last `up` didn't get that far: then it may be anywhere. */
  placement?: string;
  /** Key of its database server, the platform's or the tenant's own. */
  databaseServer?: string;
}

const LIMIT_MS = 120_000;
const AT_ONCE = 4;

/**
 * Tenants of a platform stack: every other stack of the project in the backend whose state refers to it. Asks the
 * engine, so it works with every backend; a stack that can't be read is an error, since it may be one.
 */
export async function findTenants(platformStack: string, access: EngineAccess): Promise<Tenant[]> {
  const listed = JSON.parse(await engine(["stack", "ls", "--json"], access)) as { name: string }[];
  const names = listed.map(({ name }) => name).filter((name) => lastPart(name) !== platformStack);
  const found: Tenant[] = [];
  const waiting = [...names];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const exported = JSON.parse(await engine(["stack", "export", "--stack", name], access)) as {
        deployment: { resources?: StateResource[] | null };
      };
      const apps = appsOn(platformStack, exported.deployment.resources ?? []);
      if (apps) found.push({ stack: lastPart(name), apps });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found.sort((a, b) => (a.stack < b.stack ? -1 : 1));
}

/** A tenant's apps; undefined where the state doesn't refer to that platform. */
export function appsOn(platformStack: string, resources: readonly StateResource[]): TenantApp[] | undefined {
  const refers = resources.some(
    ({ type, inputs }) =>
      type === "pulumi:pulumi:StackReference" && lastPart(String(inputs?.name)) === platformStack,
  );
  if (!refers) return undefined;
  return resources
    .filter(({ type }) => type === "nocobase-fleet:index:BusinessApp")
    .map(({ urn, outputs }) => ({
      key: lastName(urn),
      placement: outputs?.placement as string | undefined,
      databaseServer: outputs?.databaseServer as string | undefined,
    }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

export interface Removal {
  /** The platform stack. */
  stack: string;
  /** What its state holds. */
  resources: readonly StateResource[];
  /** The plan whose parts stay; undefined for destroy. */
  keep: StackPlan | undefined;
}

/**
 * Refuses to destroy a platform that tenants stand on, or to remove an environment or server that they use.
 *
 * @throws UserError naming stacks and apps
 */
export async function refuseStranding(removal: Removal, access: EngineAccess): Promise<void> {
  const { stack, resources, keep } = removal;
  if (keep?.platformStack !== undefined) return;
  const environments = gone(resources, "RuntimeEnvironment", keep?.environments);
  const servers = gone(resources, "DatabaseServer", keep?.databaseServers);
  if (environments.length + servers.length === 0 && keep !== undefined) return;
  if (resources.length === 0) return;
  const lines = strandedBy(
    { environments, servers, all: keep === undefined },
    await findTenants(stack, access),
  );
  if (lines.length === 0) return;
  const what =
    keep === undefined
      ? `stack ${stack} can't be destroyed: tenants stand on it`
      : `stack ${stack} would lose what tenants' apps stand on`;
  const fix =
    keep === undefined
      ? "Destroy those stacks first. `fleet stop` stops the fleet and loses nothing."
      : "Put it back, or first move or remove those apps by their own stack files and bring them up.";
  throw new UserError([`${what}; nothing was touched.`, ...lines.map((line) => `  ${line}`), fix].join("\n"));
}

export interface Losses {
  environments: readonly string[];
  servers: readonly string[];
  /** The platform as a whole goes. */
  all: boolean;
}

/** A line for each tenant that would be left without ground. */
export function strandedBy({ environments, servers, all }: Losses, tenants: readonly Tenant[]): string[] {
  return tenants.flatMap(({ stack, apps }) => {
    const reasons = apps.flatMap(({ key, placement, databaseServer }) => {
      if (all || placement === undefined) return [key];
      const environment = environments.find((name) => placement === `shared:${name}`);
      const server = servers.find((name) => databaseServer === name);
      if (environment !== undefined) return [`${key} runs in environment ${environment}`];
      return server === undefined ? [] : [`${key} has its database on server ${server}`];
    });
    if (reasons.length === 0) return all ? [`${stack}: no apps, but its stack is still there`] : [];
    return [`${stack}: ${reasons.join(", ")}`];
  });
}

/** Components in the state that the plan no longer has. */
function gone(
  resources: readonly StateResource[],
  type: string,
  kept: Readonly<Record<string, unknown>> = {},
): string[] {
  return resources
    .filter((resource) => resource.type === `nocobase-fleet:index:${type}`)
    .map(({ urn }) => lastName(urn))
    .filter((key) => !Object.hasOwn(kept, key));
}

function lastName(urn: string): string {
  return urn.split("::").at(-1) ?? "";
}

/** `organization/project/stack` → `stack` */
function lastPart(name: string): string {
  return name.split("/").at(-1) ?? "";
}

async function engine(
  args: readonly string[],
  { enginePath, projectDir, env }: EngineAccess,
): Promise<string> {
  const done = await run(enginePath, [...args, "--non-interactive"], {
    cwd: projectDir,
    env,
    timeoutMs: LIMIT_MS,
  });
  if (done.code === 0) return done.stdout;
  throw new UserError(
    `the stacks of this backend can't be read, so it isn't known whether tenants stand on this one: ${tail(done.stderr, 3)}`,
  );
}
