/** Fields that the entry app, environments and apps have in common. */
import { z } from "zod";
import {
  databaseName,
  databaseNameAllowed,
  deletionAllowed,
  deletionPolicy,
  documented,
  email,
  emailAllowed,
  environmentVariables,
  instancePort,
  instancePortAllowed,
  key,
  version,
} from "./fields";
import { replicaRange } from "./kubernetes";
import { cpuAllowed, cpuPattern, memoryAllowed, memoryPattern } from "../quantities";

export const defaults = {
  release: "2.2.15",
  rootEmail: "admin@example.com",
  entryTitle: "Entry app",
  connectionLimit: 10,
  /** Of what may have replicas: room for six, so that scaling changes no role. */
  connectionLimitWithReplicas: 60,
} as const;

/** PostgreSQL's superuser_reserved_connections by default. */
export const reservedConnections = 3;

export const release = (description: string, defaultText?: string) =>
  documented(
    z
      .strictObject({
        version: documented(version, {
          description: "NocoBase version.",
          allowed: "a full version in quotes or with two dots, e.g. 2.2.15",
          examples: ["2.2.15"],
        }),
      })
      .optional(),
    { description, allowed: "a map with `version`", examples: [{ version: "2.2.15" }], defaultText },
  );

export const database = documented(
  z
    .strictObject({
      server: documented(key.optional(), {
        description: "The database server (a key of `databaseServers`) that holds the database.",
        allowed: "a declared database server",
        examples: ["main"],
        defaultText: "the only server, where one is declared",
      }),
      name: documented(databaseName.optional(), {
        description:
          "Name of the database; choose it before the first `up`. One that exists already and isn't this stack's is never taken over.",
        allowed: databaseNameAllowed,
        examples: ["crm_2024"],
        defaultText: "`<stack>_<key>`, hyphens as underscores",
      }),
      connectionLimit: documented(z.int().min(6).max(10000).optional(), {
        description:
          "Most connections that the app's role may hold. NocoBase pools up to 5, a backup takes one more; each replica needs 8, and 2 are spare.",
        allowed: "a whole number from 6 to 10000, within the server's `maxConnections`",
        examples: [20],
        defaultText: `\`${defaults.connectionLimit}\`; \`${defaults.connectionLimitWithReplicas}\` for the entry app and dedicated apps, which may have replicas`,
      }),
    })
    .prefault({}),
  {
    description: "The database and role of its own.",
    allowed: "a map",
    examples: [{ server: "main" }],
  },
);

export const deletion = (of: string) =>
  documented(deletionPolicy.optional(), {
    description: `What becomes of the database and files of ${of} when it leaves the stack file.`,
    allowed: deletionAllowed,
    examples: ["backup"],
    defaultText: "the fleet's `deletion`",
  });

export const rootEmail = documented(email.optional(), {
  description: "Sign-in e-mail of the root user; the password is generated.",
  allowed: emailAllowed,
  examples: ["ops@example.com"],
  defaultText: "the fleet's `rootEmail`",
});

export const passwordGeneration = documented(z.int().min(1).max(1_000_000).default(1), {
  description: "Raise it by one to get a new root password.",
  allowed: "a whole number from 1",
  examples: [2],
});

/** More on one database server wins nothing: its connections run out first. */
export const mostReplicas = 100;

/** What only a process of its own has; `prefix` says which apps may set it. */
export const heapLimitMiB = (prefix = "") =>
  documented(z.int().min(256).max(65536).optional(), {
    description: `${prefix}Heap limit of the process in MiB (V8's --max-old-space-size).`,
    allowed: "a whole number from 256 to 65536",
    examples: [1024],
    defaultText: "three quarters of `resources.memory`, else Node's own",
  });

const quantity = (pattern: RegExp) => z.union([z.number().positive(), z.string().regex(pattern)]);

export const resources = (prefix = "") =>
  documented(
    z
      .strictObject({
        memory: documented(quantity(memoryPattern).optional(), {
          description:
            "Most memory of one process. NocoBase needs about 450 MiB before it does anything; a process over its limit is restarted.",
          allowed: memoryAllowed,
          examples: ["1Gi"],
          defaultText: "no limit",
        }),
        cpu: documented(quantity(cpuPattern).optional(), {
          description: "Most processor time of one process, in cores.",
          allowed: cpuAllowed,
          examples: [1],
          defaultText: "no limit",
        }),
      })
      .prefault({}),
    {
      description: `${prefix}Limits of each process (each replica), as Kubernetes writes quantities. \`fleet doctor\` says which of them this machine can enforce.`,
      allowed: "a map with `memory` and `cpu`",
      examples: [{ memory: "1Gi", cpu: 1 }],
    },
  );

export const replicas = (description: string) =>
  documented(z.union([z.int().min(1).max(mostReplicas), replicaRange(mostReplicas)]).default(1), {
    description: `${description} On platform kubernetes also \`{ min, max, cpuPercent }\`: an autoscaler then decides.`,
    allowed: `a whole number from 1 to ${mostReplicas}, on platform kubernetes also a map with min and max`,
    examples: [3],
  });

export const port = (prefix = "") =>
  documented(instancePort.optional(), {
    description: `${prefix}Port of the process behind the gateway, on the loopback address; further replicas take the ports after it, one each.`,
    allowed: instancePortAllowed,
    examples: [21034],
    defaultText: "20000–32767, derived from the stack's name and the key",
  });

export const env = (prefix = "") =>
  documented(environmentVariables.prefault({}), {
    description: `${prefix}Environment variables for NocoBase, without secrets (those go to \`secretEnv\`) and without those that the fleet sets itself.`,
    allowed: "a map of texts",
    examples: [{ INIT_APP_LANG: "de-DE" }],
  });
