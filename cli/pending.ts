/**
 * Settles what a killed run left half-done. The engine notes each operation before it starts it; an operation whose
 * end it never saw is "pending". Our own resources and most others may simply be made again, but PostgreSQL refuses to
 * make a role or database twice, and so does Kubernetes any object. What is there and provably ours is taken into the
 * state.
 */
import type { Stack } from "@pulumi/pulumi/automation";
import { run, tail } from "../toolchain/process";
import type { Props } from "../providers/kit/types";
import { UserError } from "./exit-codes";

type KubernetesPending = typeof import("../platforms/kubernetes/pending");

const ROLE = "postgresql:index/role:Role";
const DATABASE = "postgresql:index/database:Database";
const CONNECT_LIMIT_MS = 10_000;

export interface StateResource {
  urn: string;
  type: string;
  parent?: string;
  protect?: boolean;
  id?: string;
  provider?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

interface PendingOperation {
  type: "creating" | "updating" | "deleting" | "reading" | "importing";
  resource: StateResource;
}

interface Deployment {
  resources?: StateResource[];
  pending_operations?: PendingOperation[];
}

export interface Settling {
  stack: Stack;
  enginePath: string;
  projectDir: string;
  /** Whole environment of the engine. */
  env: NodeJS.ProcessEnv;
  say: (line: string) => void;
  /** Starts what is down: the servers must answer for what is on them. */
  wake: () => Promise<void>;
}

/**
 * @returns the resources in the state, as they were before
 * @throws UserError where the engine can't take the state over
 */
export async function settlePendingOperations(settling: Settling): Promise<StateResource[]> {
  const { stack, say } = settling;
  const exported = await stack.exportStack();
  const deployment = exported.deployment as Deployment;
  const pending = deployment.pending_operations ?? [];
  const before = deployment.resources ?? [];
  if (pending.length === 0) return before;
  say(`The last run was interrupted; settling ${pending.length} operations that it left half-done.`);
  await settling.wake();

  const creating = pending.filter(({ type }) => type === "creating");
  const ours: StateResource[] = [];
  for (const { resource } of creating) {
    if (await isOurs(resource, before)) ours.push(resource);
  }
  const others = pending.filter(({ type }) => type !== "creating");
  // As made, under the id that the plugin would have given; the refresh then reads the rest from the server.
  const adopted = ours.map((resource) => ({
    ...resource,
    id: idOf(resource),
    outputs: resource.inputs,
  }));
  const resources = [...before, ...adopted];
  await stack.importStack({
    ...exported,
    deployment: { ...deployment, resources, pending_operations: others },
  });
  const doubtful = [...ours, ...others.map(({ resource }) => resource)].map(({ urn }) => urn);
  if (doubtful.length > 0) {
    const why = "an interrupted run left operations half-done, and they could not be settled";
    await refreshResources(settling, doubtful, why);
  }
  return before;
}

/** Writes into the state what is really there of these resources. @throws UserError with the engine's words and `why` */
export async function refreshResources(
  { stack, enginePath, projectDir, env }: Pick<Settling, "stack" | "enginePath" | "projectDir" | "env">,
  urns: readonly string[],
  why: string,
): Promise<void> {
  const args = [
    ...["refresh", "--yes", "--skip-preview", "--non-interactive", "--stack", stack.name],
    ...urns.flatMap((urn) => ["--target", urn]),
  ];
  const done = await run(enginePath, args, { cwd: projectDir, env, timeoutMs: 120_000 });
  if (done.code !== 0) {
    throw new UserError(
      `${why}:\n${tail(done.stdout + done.stderr)}\n` +
        `Look at them with \`pulumi refresh --stack ${stack.name}\`.`,
    );
  }
}

/** A role that takes the random password that only the state knows; a database that such a role owns. */
async function isOurs(resource: StateResource, resources: StateResource[]): Promise<boolean> {
  if (resource.type.startsWith("kubernetes:")) return await isOurObject(resource, resources);
  if (resource.type !== ROLE && resource.type !== DATABASE) return false;
  const inputs = plain(resource.inputs) as Record<string, string | undefined>;
  const roleName = resource.type === ROLE ? inputs.name : inputs.owner;
  const role = resources
    .filter(({ type, provider }) => type === ROLE && provider === resource.provider)
    .map((candidate) => plain(candidate.inputs) as Record<string, string | undefined>)
    .find(({ name }) => name === roleName);
  const password = resource.type === ROLE ? inputs.password : role?.password;
  const server = resources.find(({ urn, id }) => resource.provider === `${urn}::${id ?? ""}`);
  if (!server || roleName === undefined || password === undefined) return false;

  const { host, port, sslmode, database } = plain(server.inputs) as Record<string, string | undefined>;
  const { Client } = await import("pg");
  const client = new Client({
    host,
    port: Number(port ?? 5432),
    user: roleName,
    password,
    database: resource.type === ROLE ? (database ?? "postgres") : inputs.name,
    ssl:
      sslmode === undefined || sslmode === "disable" ? false : { rejectUnauthorized: sslmode !== "require" },
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
  });
  try {
    await client.connect();
    const { rows } = await client.query<{ ours: boolean }>(
      "SELECT pg_get_userbyid(datdba) = current_user AS ours FROM pg_database WHERE datname = current_database()",
    );
    return resource.type === ROLE || rows[0]?.ours === true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function isOurObject(resource: StateResource, resources: StateResource[]): Promise<boolean> {
  const provider = resources.find(({ urn, id }) => resource.provider === `${urn}::${id ?? ""}`);
  if (!provider) return false;
  // Its client takes time to load, which other platforms needn't pay.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- tsx hooks require(), not import(), in CommonJS
  const pending = require("../platforms/kubernetes/pending") as KubernetesPending;
  return await pending.isOurs(plain(resource.inputs) as Props, plain(provider.inputs) as Props);
}

/** The postgresql plugin takes the name as the id of roles and databases, the kubernetes plugin the namespace too. */
function idOf({ type, inputs }: StateResource): string {
  const given = plain(inputs) as Record<string, unknown>;
  if (!type.startsWith("kubernetes:")) return String(given.name);
  const { namespace, name } = given.metadata as { namespace?: string; name?: string };
  return namespace === undefined ? String(name) : `${namespace}/${String(name)}`;
}

/** Takes the marks off that an export puts on secrets: `{ "4dab…": "1b47…", plaintext: JSON }`. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if ("plaintext" in value && "4dabf18193072939515e22adb298388d" in value) {
    return plain(JSON.parse(String(value.plaintext)));
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
