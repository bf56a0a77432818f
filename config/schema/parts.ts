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

export const defaults = {
  release: "2.2.15",
  rootEmail: "admin@example.com",
  entryTitle: "Entry app",
  connectionLimit: 10,
} as const;

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
      connectionLimit: documented(z.int().min(6).max(10000).default(defaults.connectionLimit), {
        description:
          "Most connections that the app's role may hold. NocoBase pools up to 5, a backup takes one more.",
        allowed: "a whole number from 6 to 10000, within the server's `maxConnections`",
        examples: [20],
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

/** What only a process of its own has; `prefix` says which apps may set it. */
export const heapLimitMiB = (prefix = "") =>
  documented(z.int().min(256).max(65536).optional(), {
    description: `${prefix}Heap limit of the process in MiB (V8's --max-old-space-size).`,
    allowed: "a whole number from 256 to 65536",
    examples: [1024],
    defaultText: "Node's own",
  });

export const port = (prefix = "") =>
  documented(instancePort.optional(), {
    description: `${prefix}Port of the process behind the gateway, on the loopback address.`,
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
