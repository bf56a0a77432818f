/** Stack files whose every field is right by itself, and whose parts contradict each other or the platform. */
import type { BadStackFile } from "./types";

export const brokenRules: readonly BadStackFile[] = [
  {
    name: "what only docker has, on another platform",
    yaml: `config:
  nocobase-fleet:images: local
  nocobase-fleet:imageNames: { postgres: "registry.example.com/postgres:15" }
  nocobase-fleet:gateway: { tls: {} }
`,
    faults: [
      {
        path: "nocobase-fleet:images",
        says: ['"local" means nothing on platform local', "platform: docker"],
      },
      { path: "nocobase-fleet:imageNames", says: ["means nothing on platform local"] },
      { path: "nocobase-fleet:gateway.tls", says: ["means nothing on platform local"] },
    ],
  },
  {
    name: "a server that containers can't reach, and faulty images",
    yaml: `config:
  nocobase-fleet:platform: docker
  nocobase-fleet:images: local
  nocobase-fleet:imageNames: { node: "node" }
  nocobase-fleet:release: { version: 9.9.9 }
  nocobase-fleet:databaseServers: { main: { kind: external, host: localhost } }
  nocobase-fleet:databaseServerPasswords: { main: { secure: "v1:x" } }
`,
    faults: [
      { path: "nocobase-fleet:imageNames.node", says: ["a tag, a digest or both"] },
      { path: "nocobase-fleet:release.version", says: ["9.9.9"] },
      { path: "nocobase-fleet:databaseServers.main.host", says: ["leads each container to itself"] },
    ],
  },
  {
    name: "HTTPS on the port of plain HTTP",
    yaml: `config:
  nocobase-fleet:platform: docker
  nocobase-fleet:gateway: { port: 8443, tls: { port: 8443 } }
`,
    faults: [
      { path: "nocobase-fleet:gateway.tls.port", says: ["is the port of nocobase-fleet:gateway, too"] },
    ],
  },
  {
    name: "a control plane in an entry app that hosts apps itself",
    yaml: `config:
  nocobase-fleet:supervisor: open
  nocobase-fleet:environments: { blue: {} }
  nocobase-fleet:apps: { crm: {} }
`,
    faults: [
      {
        path: "nocobase-fleet:supervisor",
        says: ["needs an entry app that hosts no apps", "let the apps name it"],
      },
    ],
  },
  {
    name: "a dedicated app that is left to people",
    yaml: `config:
  nocobase-fleet:supervisor: none
  nocobase-fleet:apps: { erp: { isolation: dedicated, state: operator } }
`,
    faults: [
      {
        path: "nocobase-fleet:apps.erp.state",
        says: ["needs supervisor: open", "allowed: running or stopped"],
      },
    ],
  },
  {
    name: "a managed server on a platform that runs none",
    yaml: `config:
  nocobase-fleet:platform: kubernetes
  nocobase-fleet:databaseServers: { main: { kind: managed } }
`,
    faults: [
      { path: "nocobase-fleet:kubernetes.image", says: ["is missing", "fleet images build"] },
      {
        path: "nocobase-fleet:databaseServers.main.kind",
        says: ["runs no PostgreSQL server", "kind: external"],
      },
    ],
  },
  {
    name: "a release without a lockfile",
    yaml: `config:
  nocobase-fleet:release: { version: 2.2.14 }
`,
    faults: [
      {
        path: "nocobase-fleet:release.version",
        says: ['"2.2.14"', "committed lockfile", 'did you mean "2.2.15"?'],
      },
    ],
  },
  {
    name: "a topology that contradicts the declarations",
    yaml: `config:
  nocobase-fleet:topology: single
  nocobase-fleet:apps: { crm: {} }
`,
    faults: [
      {
        path: "nocobase-fleet:topology",
        says: ["means the entry app alone", "apps that all run in the entry app", "allowed: shared"],
      },
    ],
  },
  {
    name: "an environment that isn't declared",
    yaml: `config:
  nocobase-fleet:environments: { blue: {} }
  nocobase-fleet:apps:
    crm: { environment: bleu }
`,
    faults: [
      {
        path: "nocobase-fleet:apps.crm.environment",
        says: ['"bleu" is not a declared environment', "allowed: blue", 'did you mean "blue"?'],
        line: 4,
      },
    ],
  },
  {
    name: "environments and servers that are no maps, without blaming those that name them",
    yaml: `config:
  nocobase-fleet:environments: [blue]
  nocobase-fleet:databaseServers: { secure: v1:a }
  nocobase-fleet:entry: { database: { server: db } }
  nocobase-fleet:apps: { crm: { environment: blue } }
  nocobase-fleet:databaseServerPasswords: { db: { secure: v1:a } }
  nocobase-fleet:secretEnv: { blue: { SMTP_USER: { secure: v1:a } } }
`,
    faults: [
      { path: "nocobase-fleet:environments", says: ["a list, not a map"] },
      { path: "nocobase-fleet:databaseServers", says: ["is a secret"] },
    ],
  },
  {
    name: "the entry app as environment",
    yaml: `config:
  nocobase-fleet:apps: { crm: { environment: entry } }
`,
    faults: [
      { path: "nocobase-fleet:apps.crm.environment", says: ["is the entry app", "leave the key out"] },
    ],
  },
  {
    name: "an environment with a prototype's name",
    yaml: `config:
  nocobase-fleet:apps: { crm: { environment: constructor } }
`,
    faults: [{ path: "nocobase-fleet:apps.crm.environment", says: ["is not a declared environment"] }],
  },
  {
    name: "a database server that isn't declared",
    yaml: `config:
  nocobase-fleet:databaseServers: { main: { kind: managed } }
  nocobase-fleet:apps: { crm: { database: { server: mian } } }
`,
    faults: [
      {
        path: "nocobase-fleet:apps.crm.database.server",
        says: ["is not a declared database server", 'did you mean "main"?'],
      },
    ],
  },
  {
    name: "several servers and none named",
    yaml: `config:
  nocobase-fleet:databaseServers: { one: { kind: managed }, two: { kind: managed } }
  nocobase-fleet:entry: { database: { server: one } }
  nocobase-fleet:apps: { crm: {} }
`,
    faults: [
      {
        path: "nocobase-fleet:apps.crm.database.server",
        says: ["is missing: several servers", "allowed: one, two"],
        line: 4,
      },
    ],
  },
  {
    name: "no server at all",
    yaml: `config:
  nocobase-fleet:databaseServers: {}
`,
    faults: [{ path: "nocobase-fleet:databaseServers", says: ["declares no server", "at least one"] }],
  },
  {
    name: "an external server without its password",
    yaml: `config:
  nocobase-fleet:databaseServers: { main: { kind: external, host: db.example.com } }
`,
    faults: [
      {
        path: "nocobase-fleet:databaseServerPasswords.main",
        says: ["is missing", "--path 'nocobase-fleet:databaseServerPasswords.main'"],
      },
    ],
  },
  {
    name: "passwords that belong to no external server",
    yaml: `config:
  nocobase-fleet:databaseServerPasswords: { main: { secure: v1:a }, mian: { secure: v1:b } }
`,
    faults: [
      { path: "nocobase-fleet:databaseServerPasswords.main", says: ["is managed", "remove it"] },
      {
        path: "nocobase-fleet:databaseServerPasswords.mian",
        says: ["no declared database server", '"main"?'],
      },
    ],
  },
  {
    name: "one external server under two names",
    yaml: `config:
  nocobase-fleet:databaseServers:
    one: { kind: external, host: db.example.com }
    two: { kind: external, host: DB.example.com }
  nocobase-fleet:databaseServerPasswords: { one: { secure: v1:a }, two: { secure: v1:b } }
  nocobase-fleet:entry: { database: { server: one } }
`,
    faults: [
      { path: "nocobase-fleet:databaseServers.two", says: ["db.example.com:5432", "databaseServers.one"] },
    ],
  },
];
