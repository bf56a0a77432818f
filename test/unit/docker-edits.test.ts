/** What each edit of a stack file does on the docker platform: the golden table. */
import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { policies } from "../../policies/list";
import { registered, stepsBetween, type DockerSecrets, type DockerStack } from "./support/docker-resources";
import { planOf } from "./support/plans";

type Values = Record<string, unknown>;

const apps = { crm: { environment: "blue" }, erp: { isolation: "dedicated" } };
const base: Values = { platform: "docker", environments: { blue: {} }, apps };
const erp = (more: Values): Values => ({ apps: { ...apps, erp: { isolation: "dedicated", ...more } } });
const digest = `sha256:${"d".repeat(64)}`;
const secret = (text: string) => pulumi.secret(pulumi.output(text));
const given = { secure: "v1:x" };

interface Edit {
  readonly edit: string;
  readonly values: Values;
  readonly secrets?: () => Partial<DockerSecrets>;
  readonly steps: readonly string[];
}

/** The container goes first and comes anew: both have one name and one port. */
const anew = (instance: string) => [
  `replace ${instance}-instance`,
  `update ${instance}-instance-service`,
  `update ${instance}-instance-setup`,
];
const proxyAnew = ["replace gateway-server", "update gateway-server-service"];
const routes = "update gateway-server-config";

const edits: readonly Edit[] = [
  { edit: "nothing", values: {}, steps: [] },
  {
    edit: "title of a shared app",
    values: { apps: { ...apps, crm: { environment: "blue", title: "Customers" } } },
    steps: ["update crm-app", routes],
  },
  {
    edit: "stop of a shared app",
    values: { apps: { ...apps, crm: { environment: "blue", state: "stopped" } } },
    steps: ["update crm-app", routes],
  },
  {
    edit: "title of a dedicated app",
    values: erp({ title: "ERP" }),
    steps: ["update erp-instance-setup", routes],
  },
  { edit: "domain", values: erp({ domains: ["erp.example.com"] }), steps: [routes] },
  {
    edit: "more replicas",
    values: erp({ replicas: 2 }),
    steps: ["create erp-instance.2", "update erp-instance-service", routes],
  },
  {
    edit: "stop of a dedicated app",
    values: erp({ state: "stopped" }),
    steps: ["delete erp-instance", "delete erp-instance-service", "delete erp-instance-setup", routes],
  },
  { edit: "environment variable", values: erp({ env: { LOGGER_LEVEL: "warn" } }), steps: anew("erp") },
  {
    edit: "secret environment variable",
    values: { secretEnv: { erp: { TOKEN: given } } },
    secrets: () => ({ secretEnv: { erp: { TOKEN: secret("t") } } }),
    steps: [...anew("erp"), "update erp-instance-secrets"],
  },
  { edit: "memory, and with it the heap", values: erp({ resources: { memory: "2Gi" } }), steps: anew("erp") },
  {
    edit: "memory beside a heap that stays",
    values: erp({ resources: { memory: "2Gi" }, heapLimitMiB: 768 }),
    steps: ["update erp-instance"],
  },
  { edit: "processor time", values: erp({ resources: { cpu: 1 } }), steps: anew("erp") },
  { edit: "port of an app", values: erp({ port: 21000 }), steps: anew("erp") },
  {
    edit: "release",
    values: erp({ release: { version: "2.2.16" } }),
    steps: ["create image-nocobase-2.2.16", ...anew("erp"), "update erp-files"],
  },
  {
    edit: "image of NocoBase",
    values: { imageNames: { nocobase: `nocobase/nocobase:2.2.15@${digest}` } },
    steps: ["replace image-nocobase-2.2.15", ...anew("blue"), ...anew("entry"), ...anew("erp")],
  },
  {
    edit: "image of PostgreSQL",
    values: { imageNames: { postgres: `postgres:15.18-bookworm@${digest}` } },
    steps: ["replace image-postgres", "replace main-server", "update main-server-service"],
  },
  {
    edit: "image of the router",
    values: { imageNames: { node: `node:22.23.3@${digest}` } },
    steps: ["replace gateway-server-router", "replace image-node", "update gateway-server-service"],
  },
  {
    edit: "image of the proxy",
    values: { imageNames: { proxy: `caddy:2.10.2@${digest}` } },
    steps: ["replace image-proxy", ...proxyAnew],
  },
  {
    edit: "connections of the server",
    values: { databaseServers: { main: { kind: "managed", maxConnections: 200 } } },
    steps: ["replace main-server", "update main-server-service"],
  },
  { edit: "address of the gateway", values: { gateway: { host: "0.0.0.0" } }, steps: [...proxyAnew, routes] },
  { edit: "HTTPS", values: { gateway: { tls: {} } }, steps: [...proxyAnew, routes] },
  { edit: "upload limit", values: { gateway: { uploadLimitMiB: 10 } }, steps: [routes] },
  {
    edit: "deletion policy",
    values: { deletion: "backup" },
    steps: ["blue", "crm", "entry", "erp"].map((name) => `update ${name}-files`),
  },
  {
    edit: "sign-in at a registry",
    values: {
      registries: { own: { address: "registry.example.com", username: "fleet" } },
      registryPasswords: { own: given },
    },
    secrets: () => ({ registryPasswords: { own: secret("p") } }),
    steps: ["update docker"],
  },
  {
    edit: "a move from shared to dedicated",
    values: { apps: { ...apps, crm: { isolation: "dedicated" } } },
    steps: [
      "create crm-files-volume",
      ...["", "-secrets", "-secrets-volume", "-service", "-setup"].map(
        (part) => `create crm-instance${part}`,
      ),
      "delete crm-app",
      // Told by its new trigger, which mocks don't see: `replace crm-connect`.
      "update crm-files",
      "update crm-role",
      routes,
    ],
  },
];

/** What holds data: an edit makes and removes it with its app alone. */
const holdsData = /^docker:index\/volume|^postgresql:index\/(?:role|database)|RandomPassword$/;
const network = "docker:index/network:Network";

describe("edits on the docker platform", function () {
  this.timeout(120_000);
  let before_: DockerStack;

  before(async () => {
    before_ = await registered(planOf(base));
  });

  for (const { edit, values, secrets, steps } of edits) {
    it(`${edit}: ${steps.length === 0 ? "no step" : `${steps.length} steps`}`, async () => {
      const after = await registered(planOf({ ...base, ...values }), secrets?.());
      const taken = await stepsBetween(before_, after);
      assert.deepEqual(taken, [...steps].sort());
      for (const step of taken) {
        const [kind = "", name = ""] = step.split(" ");
        const { type = "" } = before_.get(name) ?? after.get(name) ?? {};
        if (kind === "create" || (kind === "update" && name.endsWith("-role"))) continue;
        assert.ok(!holdsData.test(type) && type !== network, `${step} is a ${type}`);
      }
    });
  }

  it("makes nothing that a policy for containers and images forbids", async () => {
    const all = await registered(planOf({ ...base, gateway: { host: "0.0.0.0", tls: {} } }));
    for (const policy of policies) {
      if (!("validateResource" in policy) || typeof policy.validateResource !== "function") continue;
      for (const { name, type, inputs } of all.values()) {
        const report = (message: string) => assert.fail(`${policy.name}, ${name}: ${message}`);
        await policy.validateResource({ name, type, props: inputs } as never, report);
      }
    }
  });
});
