/** The stack's configuration as a Pulumi program reads it. */
import * as pulumi from "@pulumi/pulumi";
import type { ObjectStoreKeys } from "../platforms/types";
import type { PlatformFacts } from "../plan/types";
import { valuesFromConfigMap } from "./config-map";
import { formatFaults, type Fault } from "./faults";
import { readFleetSpec } from "./read";
import { namespace } from "./schema/stack";
import type { FleetSpec } from "./spec";

/** The secrets of a stack file; everything else of it is plain. */
export interface StackSecrets {
  /** Administrator's password of each external server, by the server's key. */
  readonly databaseServerPasswords: Readonly<Record<string, pulumi.Output<string>>>;
  /** Sign-ins to object stores, by the database server's key. */
  readonly objectStoreKeys: Readonly<Record<string, ObjectStoreKeys>>;
  /** By the registry's key. */
  readonly registryPasswords: Readonly<Record<string, pulumi.Output<string>>>;
  /** NocoBase's licence keys by process (`entry`, environment). */
  readonly licenses: Readonly<Record<string, pulumi.Output<string>>>;
  /** Secret environment variables by process (`entry`, environment, dedicated app) and name. */
  readonly secretEnv: Readonly<Record<string, Readonly<Record<string, pulumi.Output<string>>>>>;
}

/** A stack file that can't be used; Pulumi prints its message without a stack trace. */
export class StackConfigError extends pulumi.RunError {
  constructor(
    readonly stackName: string,
    readonly faults: readonly Fault[],
  ) {
    super(formatFaults(faults, `the configuration of stack ${stackName}`));
  }
}

/**
 * Reads the configuration of the running program.
 *
 * @throws StackConfigError with every fault
 */
export function readPulumiConfig(
  stack: string,
  facts?: PlatformFacts,
): { spec: FleetSpec; secrets: StackSecrets } {
  const values = valuesFromConfigMap(pulumi.runtime.allConfig(), isConfigSecret);
  const { spec, faults } = readFleetSpec({ stack, values, facts });
  if (faults) throw new StackConfigError(stack, faults);
  return { spec, secrets: readSecrets(spec) };
}

function readSecrets(spec: FleetSpec): StackSecrets {
  const config = new pulumi.Config(namespace);
  const variables = config.getSecretObject<Record<string, Record<string, string>>>("secretEnv");
  const external = Object.keys(spec.databaseServers).filter(
    (key) => spec.databaseServers[key]?.kind === "external",
  );
  const processes: [string, readonly string[]][] = [
    ["entry", spec.entry.secretEnv],
    ...Object.entries(spec.environments).map(([key, { secretEnv }]): [string, readonly string[]] => [
      key,
      secretEnv,
    ]),
    ...Object.entries(spec.apps).flatMap(([key, app]): [string, readonly string[]][] =>
      app.isolation === "dedicated" ? [[key, app.secretEnv]] : [],
    ),
  ];
  return {
    databaseServerPasswords: texts(config, "databaseServerPasswords", external),
    objectStoreKeys: objectStoreKeys(config, spec),
    registryPasswords: texts(config, "registryPasswords", Object.keys(spec.registries)),
    licenses: texts(config, "licenses", spec.licenses),
    secretEnv: Object.fromEntries(
      processes
        .filter(([, names]) => names.length > 0)
        .map(([process, names]) => [
          process,
          Object.fromEntries(
            names.map((name) => [
              name,
              present(
                variables?.apply((all) => all[process]?.[name]),
                name,
              ),
            ]),
          ),
        ]),
    ),
  };
}

function objectStoreKeys(
  config: pulumi.Config,
  { databaseServers }: FleetSpec,
): Record<string, ObjectStoreKeys> {
  const all =
    config.getSecretObject<Record<string, Record<keyof ObjectStoreKeys, string>>>("objectStoreKeys");
  const stored = Object.entries(databaseServers).filter(
    ([, server]) => server.kind === "cloudnativepg" && (server.backups ?? server.recovery),
  );
  const keyOf = (server: string, name: keyof ObjectStoreKeys) =>
    present(
      all?.apply((keys) => keys[server]?.[name]),
      name,
    );
  return Object.fromEntries(
    stored.map(([server]) => [
      server,
      { accessKeyId: keyOf(server, "accessKeyId"), secretAccessKey: keyOf(server, "secretAccessKey") },
    ]),
  );
}

/** Secrets that one key of the stack file holds, by their names there. */
function texts(
  config: pulumi.Config,
  key: string,
  names: readonly string[],
): Record<string, pulumi.Output<string>> {
  const all = config.getSecretObject<Record<string, string>>(key);
  return Object.fromEntries(
    names.map((name) => [
      name,
      present(
        all?.apply((secrets) => secrets[name]),
        name,
      ),
    ]),
  );
}

/** Validation saw the value already, so its absence is a fault of this program. */
function present(value: pulumi.Output<string | undefined> | undefined, name: string): pulumi.Output<string> {
  return pulumi.secret(value).apply((text) => {
    if (text === undefined) throw new Error(`the configuration lost the secret of ${name}`);
    return text;
  });
}

/** Pulumi's own answer, which its type declarations leave out (runtime/config.ts, marked internal). */
function isConfigSecret(fullKey: string): boolean {
  const ask: unknown = Reflect.get(pulumi.runtime, "isConfigSecret");
  return typeof ask === "function" && Reflect.apply(ask, undefined, [fullKey]) === true;
}
