/** The shape of a stack file's `nocobase-fleet:*` keys. Rules that look at more than one field are in ../rules. */
import { z } from "zod";
import { deletionAllowed, deletionPolicy, documented, email, emailAllowed, key, secretValue } from "./fields";
import { appSchema, entrySchema, environmentSchema } from "./instances";
import { defaults, release } from "./parts";
import { imageNamesSchema, registrySchema } from "./images";
import { kubernetesSchema } from "./kubernetes";
import { cloudnativepgServerSchema } from "./cloudnativepg";
import { externalServerSchema, gatewaySchema, managedServerSchema } from "./servers";

/** The namespace of every key: the project's name in Pulumi.yaml. */
export const namespace = "nocobase-fleet";

const stackName = /^(?:[A-Za-z0-9_.-]{1,100}\/){0,2}[A-Za-z0-9_.-]{1,100}$/;

export const stackSchema = z.strictObject({
  platformStack: documented(z.string().regex(stackName).optional(), {
    description:
      "Makes this a tenant's stack file: it declares apps (and database servers of its own, if any) on this platform stack, and neither `entry`, `gateway` nor `environments`. docs/tenants.md has an example.",
    allowed: "the name of a stack, or organization/project/stack",
    examples: ["platform"],
    defaultText: "none: the stack is a fleet of its own",
  }),
  platform: documented(z.enum(["local", "docker", "kubernetes"]).default("local"), {
    description:
      "Where the fleet runs: `local` is processes on this machine, `docker` containers of the Docker daemon that DOCKER_HOST names, `kubernetes` pods of a cluster (docs/kubernetes.md).",
    allowed: "local, docker or kubernetes",
    examples: ["local"],
  }),
  images: documented(z.enum(["official", "local"]).optional(), {
    description:
      "Platform docker only. `official`: images that their makers publish, pinned by version; `local`: those that `fleet images build` makes from package registries alone, and `fleet up` where they are missing.",
    allowed: "official or local",
    examples: ["local"],
    defaultText: "`official`",
  }),
  imageNames: documented(imageNamesSchema.prefault({}), {
    description:
      "Platform docker only. Whole names of images in place of those of `images`, e.g. in a registry of your own.",
    allowed: "a map with `nocobase`, `node`, `postgres`, `proxy`, `redis`",
    examples: [{ postgres: "registry.example.com/postgres:15.18" }],
  }),
  registries: documented(
    z
      .record(
        key,
        documented(registrySchema, {
          description: "A registry that asks for a sign-in.",
          allowed: "a map with `address` and `username`",
          examples: [{ address: "registry.example.com", username: "fleet" }],
        }),
      )
      .prefault({}),
    {
      description:
        "Platforms docker and kubernetes. Registries that ask for a sign-in before an image is pulled, by a key of your own. Their passwords go to `registryPasswords`.",
      allowed: "a map of registries",
      examples: [{ own: { address: "registry.example.com", username: "fleet" } }],
    },
  ),
  registryPasswords: documented(z.record(key, secretValue).prefault({}), {
    description:
      "Password or access token of each registry, by its key, as secrets: `pulumi config set --secret --path nocobase-fleet:registryPasswords.<registry>`.",
    allowed: "a map from registries to secrets",
    examples: [{ own: { secure: "v1:…" } }],
  }),
  topology: documented(z.enum(["single", "shared", "hybrid"]).optional(), {
    description:
      "What you mean to declare; only checked. `single`: entry app alone; `shared`: the entry app hosts all apps; `hybrid`: with environments or dedicated apps.",
    allowed: "single, shared or hybrid",
    examples: ["hybrid"],
    defaultText: "follows from what is declared",
  }),
  supervisor: documented(z.enum(["open", "official", "none"]).optional(), {
    description:
      "What makes the entry app the fleet's control plane, which shows environments and apps and starts and stops them. `open`: the plugin of this project, over PostgreSQL (docs/supervisor.md), which on platform `docker` needs `images: local`; `official`: NocoBase's commercial plugin, over Redis (docs/official-supervisor.md); `none`: nothing.",
    allowed: "open, official or none, as far as the platform has it",
    examples: ["none"],
    defaultText:
      "`open` in a hybrid fleet on a platform that has it, whose entry app hosts no apps; `none` otherwise",
  }),
  licenses: documented(z.record(key, secretValue).prefault({}), {
    description:
      "With `supervisor: official`: NocoBase's licence key of `entry` and of each environment, as secrets: `pulumi config set --secret --path nocobase-fleet:licenses.<process>`.",
    allowed: "a map from `entry` and environments to secrets",
    examples: [{ entry: { secure: "v1:…" } }],
  }),
  release: release("The fleet's NocoBase release.", `\`{ version: ${defaults.release} }\``),
  deletion: documented(deletionPolicy.default("protect"), {
    description:
      "What becomes of databases and files that leave the stack file: `protect` refuses to remove them, `backup` takes a verified dump and an archive first, `retain` leaves them in place, `delete` drops them.",
    allowed: deletionAllowed,
    examples: ["backup"],
  }),
  rootEmail: documented(email.default(defaults.rootEmail), {
    description: "Sign-in e-mail of every root user; each has a generated password of its own.",
    allowed: emailAllowed,
    examples: ["ops@example.com"],
  }),
  gateway: documented(gatewaySchema.prefault({}), {
    description: "The fleet's one address.",
    allowed: "a map",
    examples: [{ port: 13000 }],
  }),
  kubernetes: documented(kubernetesSchema.prefault({}), {
    description: "Platform kubernetes only: the cluster.",
    allowed: "a map",
    examples: [{ image: "registry.example.com/nocobase-fleet/nocobase:{version}" }],
  }),
  databaseServers: documented(
    z
      .record(
        key,
        documented(
          z.discriminatedUnion("kind", [
            managedServerSchema,
            externalServerSchema,
            cloudnativepgServerSchema,
          ]),
          {
            description: "A PostgreSQL server.",
            allowed: "a map with `kind: managed`, `kind: external` or `kind: cloudnativepg`",
            examples: [{ kind: "managed" }],
          },
        ),
      )
      .prefault({ main: { kind: "managed" } }),
    {
      description: "PostgreSQL servers by key.",
      allowed: "a map of database servers, at least one",
      examples: [{ main: { kind: "managed" } }],
    },
  ),
  databaseServerPasswords: documented(z.record(key, secretValue).prefault({}), {
    description:
      "Administrator's password of each external server, by the server's key, as secrets: `pulumi config set --secret --path nocobase-fleet:databaseServerPasswords.<server>`.",
    allowed: "a map from external servers to secrets",
    examples: [{ main: { secure: "v1:…" } }],
  }),
  objectStoreKeys: documented(
    z
      .record(
        key,
        documented(z.strictObject({ accessKeyId: secretValue, secretAccessKey: secretValue }), {
          description: "Sign-in of one server's object store.",
          allowed: "a map with `accessKeyId` and `secretAccessKey`",
        }),
      )
      .prefault({}),
    {
      description:
        "Sign-in to the object store of each cloudnativepg server with `backups` or `recovery`, by the server's key, as secrets: `pulumi config set --secret --path nocobase-fleet:objectStoreKeys.<server>.secretAccessKey`.",
      allowed: "a map from servers to maps of secrets",
      examples: [{ main: { accessKeyId: { secure: "v1:…" }, secretAccessKey: { secure: "v1:…" } } }],
    },
  ),
  entry: documented(entrySchema.prefault({}), {
    description: "The entry app: the NocoBase that is the control plane.",
    allowed: "a map",
    examples: [{ title: "Control plane" }],
  }),
  environments: documented(
    z
      .record(
        key,
        documented(environmentSchema, {
          description: "A runtime environment.",
          allowed: "a map, {} for one with all defaults",
        }),
      )
      .prefault({}),
    {
      description: "Runtime environments by key: NocoBase processes that host shared apps.",
      allowed: "a map of environments",
      examples: [{ blue: { title: "Blue" } }],
    },
  ),
  apps: documented(
    z
      .record(
        key,
        documented(appSchema, {
          description: "A business app.",
          allowed: "a map, {} for one with all defaults",
        }),
      )
      .prefault({}),
    {
      description: "Business apps by key.",
      allowed: "a map of apps",
      examples: [{ crm: { title: "CRM", environment: "blue" } }],
    },
  ),
  secretEnv: documented(
    z
      .record(
        key,
        documented(
          z.record(
            documented(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), {
              description: "Name of an environment variable.",
              allowed: "letters, digits and _, no digit first",
            }),
            secretValue,
          ),
          { description: "Secret environment variables of one process.", allowed: "a map of secrets" },
        ),
      )
      .prefault({}),
    {
      description:
        "Secret environment variables by process (`entry`, an environment, a dedicated app) and name: `pulumi config set --secret --path nocobase-fleet:secretEnv.<process>.<NAME>`.",
      allowed: "a map from processes to maps of secrets",
      examples: [{ entry: { SMTP_PASSWORD: { secure: "v1:…" } } }],
    },
  ),
});

/** A stack file's keys after parsing, fixed defaults filled in. */
export type StackValues = z.output<typeof stackSchema>;
export type TopLevelKey = keyof StackValues;

export const topLevelKeys = Object.keys(stackSchema.shape) as TopLevelKey[];
/** Keys whose values are secrets; every other key must be free of them. */
export const secretKeys: ReadonlySet<string> = new Set([
  "databaseServerPasswords",
  "objectStoreKeys",
  "registryPasswords",
  "licenses",
  "secretEnv",
]);
/** Keys that hold one text; all others hold a map. */
export const textKeys: ReadonlySet<string> = new Set([
  "platformStack",
  "platform",
  "images",
  "topology",
  "supervisor",
  "deletion",
  "rootEmail",
]);
