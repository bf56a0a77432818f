/** What may be said of the entry app, a runtime environment and a business app. */
import { z } from "zod";
import { documented, hostName, key, title, titleAllowed } from "./fields";
import { placement } from "./kubernetes";
import {
  database,
  defaults,
  deletion,
  env,
  heapLimitMiB,
  passwordGeneration,
  port,
  release,
  replicas,
  resources,
  rootEmail,
} from "./parts";

export const entrySchema = z.strictObject({
  title: documented(title.default(defaults.entryTitle), {
    description: "Title shown to people.",
    allowed: titleAllowed,
    examples: ["Control plane"],
  }),
  database,
  rootEmail,
  passwordGeneration,
  port: port(),
  env: env(),
  deletion: deletion("the entry app"),
  release: release("NocoBase release of the entry app.", "the fleet's `release`"),
  replicas: replicas(
    "How many processes serve the entry app. More than 1 only where it hosts no shared apps; those go to a runtime environment.",
  ),
  resources: resources(),
  heapLimitMiB: heapLimitMiB(),
  kubernetes: placement,
});

export const environmentSchema = z.strictObject({
  title: documented(title.optional(), {
    description: "Title shown to people.",
    allowed: titleAllowed,
    examples: ["Blue"],
    defaultText: "the key",
  }),
  database,
  rootEmail,
  passwordGeneration,
  port: port(),
  env: env(),
  deletion: deletion("the environment"),
  release: release("NocoBase release of the environment and the apps in it.", "the fleet's `release`"),
  resources: resources(),
  heapLimitMiB: heapLimitMiB(),
  kubernetes: placement,
});

export const appSchema = z.strictObject({
  title: documented(title.optional(), {
    description: "Title shown to people.",
    allowed: titleAllowed,
    examples: ["CRM"],
    defaultText: "the key",
  }),
  isolation: documented(z.enum(["shared", "dedicated"]).default("shared"), {
    description:
      "How the app runs: `shared` inside the process of its environment, `dedicated` as a process of its own. A change moves the app with its data.",
    allowed: "shared or dedicated",
    examples: ["dedicated"],
  }),
  environment: documented(key.optional(), {
    description:
      "Shared apps only. The environment that hosts the app. A change moves the app with its data.",
    allowed: "a declared environment",
    examples: ["blue"],
    defaultText: "none: the entry app's process hosts it",
  }),
  state: documented(z.enum(["running", "stopped", "operator"]).default("running"), {
    description:
      "`stopped` keeps database and files; the gateway answers with a page that says so. `operator`: started at first, and left from then on as people start and stop it in the entry app or its environment; with the others the next `up` puts it back. A dedicated app may have it with `supervisor: open`.",
    allowed: "running, stopped or operator",
    examples: ["stopped"],
  }),
  startMode: documented(z.enum(["auto", "lazy"]).optional(), {
    description: "Shared apps only. Start with the host (`auto`) or at the first visit (`lazy`).",
    allowed: "auto or lazy",
    examples: ["lazy"],
    defaultText: "`auto`",
  }),
  domains: documented(
    z
      .array(
        documented(hostName, {
          description: "A host name of your own, without port or path.",
          allowed: "a host name such as crm.example.com, without scheme, port or path",
        }),
      )
      .max(100)
      .default([]),
    {
      description: "Further host names that the gateway answers for this app, beside `<key>.<domain>`.",
      allowed: "a list of host names",
      examples: [["crm.example.com"]],
    },
  ),
  database,
  deletion: deletion("the app"),
  rootEmail,
  passwordGeneration,
  replicas: replicas(
    "Dedicated apps only. How many processes serve the app, all with its database and files. A change starts or ends processes and touches no running one.",
  ),
  port: port("Dedicated apps only. "),
  env: env("Dedicated apps only. "),
  release: release(
    "Dedicated apps only. NocoBase release; a shared app runs its host's.",
    "the fleet's `release`, or the host's",
  ),
  resources: resources("Dedicated apps only. "),
  heapLimitMiB: heapLimitMiB("Dedicated apps only. "),
  kubernetes: placement,
});

export type EntryValues = z.output<typeof entrySchema>;
export type InstanceValues = z.output<typeof environmentSchema>;
export type AppValues = z.output<typeof appSchema>;
