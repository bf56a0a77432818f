/** What a stack file makes on the docker platform, and which steps lead from one to another; without a daemon. */
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import * as pulumi from "@pulumi/pulumi";
import { createFleet, type FleetSecrets } from "../../../components/fleet";
import { createTenant } from "../../../components/tenant";
import type { StackPlan } from "../../../plan/types";
import { createPlatform } from "../../../platforms";
import { replaceOnChanges } from "../../../platforms/docker/hardening";
import { definition as contents } from "../../../providers/docker/definition";
import { definition as nocobase } from "../../../providers/nocobase/definition";
import type { Context, ProviderDefinition } from "../../../providers/kit/types";
import { definition as docker } from "../../../toolchain/plugins/docker/definition";
import { CONTAINER } from "../../../toolchain/plugins/docker/container/spec";
import { IMAGE, NETWORK, VOLUME } from "../../../toolchain/plugins/docker/specs";
import type { ResourceSpec } from "../../../toolchain/plugins/bridge/attributes";

export interface Made {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

export type DockerStack = ReadonlyMap<string, Made>;

const specs: Readonly<Record<string, ResourceSpec>> = Object.fromEntries(
  [CONTAINER, IMAGE, NETWORK, VOLUME].map((spec) => [spec.token, spec]),
);
const plugins: readonly ProviderDefinition[] = [contents, nocobase, docker];
const context = { urn: "urn:pulumi:test::p::t::n", config: {} } as unknown as Context;

const noSecrets = { databaseServerPasswords: {}, registryPasswords: {}, secretEnv: {}, licenses: {} };

export interface DockerSecrets extends FleetSecrets {
  readonly registryPasswords: Readonly<Record<string, pulumi.Output<string>>>;
}

/** Registers a stack with Pulumi's mocks; ids change where the engine would make a resource anew. */
export async function registered(plan: StackPlan, given: Partial<DockerSecrets> = {}): Promise<DockerStack> {
  const made = new Map<string, Made>();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const own = inputs as Record<string, unknown>;
        made.set(name, { type, name, inputs: own });
        const spec = specs[type];
        const identity = spec ? idOf(name, spec, own) : `${name}-id`;
        const outputs: Record<string, unknown> = {
          "random:index/randomPassword:RandomPassword": { result: `password of ${name}` },
          "nocobase:index:Application": { url: `http://host/apps/${String(own.name)}/` },
          [IMAGE.token]: { imageId: `sha256:${hash(own.name)}` },
        };
        return { id: identity, state: { ...own, ...(outputs[type] as object | undefined) } };
      },
      call: () => ({}),
    },
    "nocobase-fleet",
    plan.stack,
  );
  const secrets = { ...noSecrets, ...given };
  const platform = createPlatform(plan, tmpdir(), secrets);
  const outputs =
    plan.platformStack === undefined
      ? createFleet(plan, platform, secrets)
      : createTenant({ plan, platform, secrets, platformSecrets: platformSecretsOf(plan.facts) });
  await new Promise((resolve) => pulumi.output(outputs).apply(resolve));
  // What no output waits for.
  await pulumi.runtime.disconnect();
  return made;
}

function platformSecretsOf({
  databaseServers,
  environments,
}: {
  databaseServers: object;
  environments: object;
}) {
  return {
    databaseServers: Object.fromEntries(
      Object.keys(databaseServers).map((key) => [key, `password of ${key}`]),
    ),
    environments: Object.fromEntries(
      Object.keys(environments).map((key) => [key, { rootPassword: "r", supervisorKey: "s" }]),
    ),
  };
}

function idOf(name: string, spec: ResourceSpec, inputs: Record<string, unknown>): string {
  const fixed = Object.entries(inputs).filter(([property]) => isReplaced(spec, property));
  return `${name}-${hash(fixed)}`;
}

function isReplaced(spec: ResourceSpec, property: string): boolean {
  return spec.attributes[property]?.replace === true || replaceOnChanges.includes(property);
}

function hash(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(value ?? null))
    .digest("hex")
    .slice(0, 12);
}

/** Steps from one stack to another, sorted: `replace erp-instance`; providers are left out. */
export async function stepsBetween(olds: DockerStack, news: DockerStack): Promise<string[]> {
  const steps: string[] = [];
  for (const [name, { type, inputs }] of news) {
    const before = olds.get(name);
    const step = before ? await stepOf(type, before.inputs, inputs) : "create";
    if (step !== undefined) steps.push(`${step} ${name}`);
  }
  for (const name of olds.keys()) if (!news.has(name)) steps.push(`delete ${name}`);
  return steps.sort();
}

async function stepOf(
  type: string,
  olds: Readonly<Record<string, unknown>>,
  news: Readonly<Record<string, unknown>>,
): Promise<"update" | "replace" | undefined> {
  const changed = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter(
    (property) => JSON.stringify(olds[property]) !== JSON.stringify(news[property]),
  );
  if (changed.length === 0) return undefined;
  const spec = specs[type];
  if (spec) return changed.some((property) => isReplaced(spec, property)) ? "replace" : "update";
  const handler = plugins.flatMap(({ resources }) => resources[type] ?? [])[0];
  if (!handler?.diff) return "update";
  const diff = await handler.diff("id", { ...olds }, { ...news }, context, { ...olds });
  if (diff.changes.length === 0) return undefined;
  return diff.changes.some(({ replace }) => replace) ? "replace" : "update";
}
