/** Stack files with a fault of form: YAML, keys, types, ranges. */
import type { BadStackFile } from "./types";

export const badShapes: readonly BadStackFile[] = [
  {
    name: "broken YAML",
    yaml: `config:
  nocobase-fleet:apps: { crm: { title: CRM }
`,
    faults: [{ path: "the file", says: ["can't be read as YAML", "indentation"] }],
  },
  {
    name: "a tab as indentation",
    yaml: "config:\n\tnocobase-fleet:platform: local\n",
    faults: [{ path: "the file", says: ["can't be read as YAML", "tabs are not allowed"], line: 2 }],
  },
  {
    name: "an unknown YAML tag",
    yaml: `config:
  nocobase-fleet:entry: { title: !include title.txt }
`,
    faults: [{ path: "the file", says: ["!include"], line: 2 }],
  },
  {
    name: "a list instead of a map",
    yaml: "- config\n",
    faults: [{ path: "the file", says: ["is not a map of keys", "config:"], line: 1 }],
  },
  {
    name: "config that is text",
    yaml: "config: nocobase-fleet\n",
    faults: [{ path: "config", says: ["is not a map", "nocobase-fleet:*"] }],
  },
  {
    name: "a mistyped config key",
    yaml: "conifg: {}\n",
    faults: [{ path: "conifg", says: ["is not a key of a stack file", 'did you mean "config"?'] }],
  },
  {
    name: "a key beside config",
    yaml: "nocobase-fleet:apps: {}\n",
    faults: [{ path: "nocobase-fleet:apps", says: ["move it below config:"] }],
  },
  {
    name: "a mistyped namespace",
    yaml: `config:
  nocobase-flet:platform: local
`,
    faults: [
      {
        path: "config.nocobase-flet:platform",
        says: ['unknown namespace "nocobase-flet"', 'did you mean "nocobase-fleet:platform"?'],
      },
    ],
  },
  {
    name: "a mistyped top-level key",
    yaml: `config:
  nocobase-fleet:enviroments: { blue: {} }
`,
    faults: [
      { path: "nocobase-fleet:enviroments", says: ["not a key", 'did you mean "environments"?'], line: 2 },
    ],
  },
  {
    name: "a mistyped key of an app",
    yaml: `config:
  nocobase-fleet:apps:
    crm:
      title: CRM
      isolaton: dedicated
`,
    faults: [
      {
        path: "nocobase-fleet:apps.crm.isolaton",
        says: ['"dedicated"', 'did you mean "isolation"?', "startMode"],
        line: 5,
      },
    ],
  },
  {
    name: "a known key of another shape",
    yaml: `config:
  nocobase-fleet:environments:
    blue: { databaseServer: main }
`,
    faults: [{ path: "nocobase-fleet:environments.blue.databaseServer", says: ["database: { server: … }"] }],
  },
  {
    name: "a password in plain text where none belongs",
    yaml: `config:
  nocobase-fleet:databaseServers:
    main: { kind: external, host: db.example.com, adminPassword: hunter2 }
  nocobase-fleet:databaseServerPasswords:
    main: { secure: v1:abc }
`,
    faults: [
      {
        path: "nocobase-fleet:databaseServers.main.adminPassword",
        says: ["pulumi config set --secret", "databaseServerPasswords"],
        hides: "hunter2",
      },
    ],
  },
  {
    name: "a key twice",
    yaml: `config:
  nocobase-fleet:apps:
    crm: { title: CRM }
    support: {}
    crm: { title: Again }
`,
    faults: [{ path: "nocobase-fleet:apps.crm", says: ["is written twice"], line: 5 }],
  },
  {
    name: "a key with and without its namespace",
    yaml: `config:
  nocobase-fleet:rootEmail: a@example.com
  rootEmail: b@example.com
`,
    faults: [{ path: "nocobase-fleet:rootEmail", says: ["is written twice", "rootEmail"], line: 3 }],
  },
  {
    name: "a number as title",
    yaml: `config:
  nocobase-fleet:apps:
    crm: { title: 2024 }
`,
    faults: [
      { path: "nocobase-fleet:apps.crm.title", says: ["2024", "a number, not text", 'in quotes: "2024"'] },
    ],
  },
  {
    name: "a truth value as title",
    yaml: `config:
  nocobase-fleet:entry: { title: true }
`,
    faults: [{ path: "nocobase-fleet:entry.title", says: ["true/false, not text", 'in quotes: "true"'] }],
  },
  {
    name: "a date as title",
    yaml: `config:
  nocobase-fleet:entry:
    title: 2024-01-01
`,
    faults: [
      { path: "nocobase-fleet:entry.title", says: ["a date", 'in quotes if it is text: "2024-01-01"'] },
    ],
  },
  {
    name: "a port with a leading zero",
    yaml: `config:
  nocobase-fleet:gateway: { port: 013000 }
`,
    faults: [{ path: "nocobase-fleet:gateway.port", says: ["an octal number"] }],
  },
  {
    name: "a port in quotes",
    yaml: `config:
  nocobase-fleet:gateway: { port: "13000" }
`,
    faults: [
      { path: "nocobase-fleet:gateway.port", says: ["text, not a number", "without quotes: 13000", "65535"] },
    ],
  },
  {
    name: "a port out of range",
    yaml: `config:
  nocobase-fleet:gateway: { port: 70000 }
`,
    faults: [{ path: "nocobase-fleet:gateway.port", says: ["70000", "too large", "1 to 65535"] }],
  },
  {
    name: "a privileged port for a process",
    yaml: `config:
  nocobase-fleet:entry: { port: 443 }
`,
    faults: [{ path: "nocobase-fleet:entry.port", says: ["443", "too small", "1024 to 65535"] }],
  },
  {
    name: "a broken number",
    yaml: `config:
  nocobase-fleet:entry: { heapLimitMiB: 512.5 }
`,
    faults: [
      { path: "nocobase-fleet:entry.heapLimitMiB", says: ["512.5", "not a whole number", "256 to 65536"] },
    ],
  },
  {
    name: "a version that YAML takes for a number",
    yaml: `config:
  nocobase-fleet:release: { version: 2.2 }
`,
    faults: [{ path: "nocobase-fleet:release.version", says: ["a number, not text", "2.2.15"] }],
  },
  {
    name: "an unknown choice",
    yaml: `config:
  nocobase-fleet:deletion: bakup
`,
    faults: [
      {
        path: "nocobase-fleet:deletion",
        says: ['"bakup"', "protect, backup, retain or delete", '"backup"?'],
      },
    ],
  },
  {
    name: "an unknown platform",
    yaml: `config:
  nocobase-fleet:platform: podman
`,
    faults: [{ path: "nocobase-fleet:platform", says: ['"podman"', "allowed: local"] }],
  },
  {
    name: "an app without a value",
    yaml: `config:
  nocobase-fleet:apps:
    crm:
`,
    faults: [{ path: "nocobase-fleet:apps.crm", says: ["is empty", "write crm: {}"], line: 3 }],
  },
  {
    name: "apps as a list",
    yaml: `config:
  nocobase-fleet:apps:
    - crm
`,
    faults: [{ path: "nocobase-fleet:apps", says: ["a list, not a map", "a map of apps"] }],
  },
  {
    name: "a key that is no host name",
    yaml: `config:
  nocobase-fleet:apps:
    My_CRM: { title: 5 }
`,
    faults: [
      { path: "nocobase-fleet:apps.My_CRM", says: ["can't be a key", "hyphens", "e.g. my-crm"] },
      { path: "nocobase-fleet:apps.My_CRM.title", says: ["a number, not text"] },
    ],
  },
  {
    name: "a key of more than 63 characters",
    yaml: `config:
  nocobase-fleet:apps:
    ${"a".repeat(64)}: {}
`,
    faults: [{ path: `nocobase-fleet:apps.${"a".repeat(64)}`, says: ["can't be a key", "at most 63"] }],
  },
  {
    name: "a prototype as key",
    yaml: `config:
  nocobase-fleet:apps:
    __proto__: { title: CRM }
`,
    faults: [{ path: "nocobase-fleet:apps.__proto__", says: ["JavaScript reserves"] }],
  },
  {
    name: "a URL as custom domain",
    yaml: `config:
  nocobase-fleet:apps:
    crm: { domains: [ok.example.com, "https://crm.example.com/"] }
`,
    faults: [
      { path: "nocobase-fleet:apps.crm.domains[1]", says: ["https://crm.example.com/", "without scheme"] },
    ],
  },
  {
    name: "a server of an unknown kind",
    yaml: `config:
  nocobase-fleet:databaseServers:
    main: { kind: manged }
`,
    faults: [
      { path: "nocobase-fleet:databaseServers.main.kind", says: ['"manged"', 'did you mean "managed"?'] },
    ],
  },
  {
    name: "an external server without address",
    yaml: `config:
  nocobase-fleet:databaseServers:
    main: { kind: external }
  nocobase-fleet:databaseServerPasswords:
    main: { secure: v1:abc }
`,
    faults: [{ path: "nocobase-fleet:databaseServers.main.host", says: ["is missing", "db.example.com"] }],
  },
  {
    name: "a plain administrator's password",
    yaml: `config:
  nocobase-fleet:databaseServers:
    main: { kind: external, host: db.example.com }
  nocobase-fleet:databaseServerPasswords:
    main: hunter2
`,
    faults: [
      {
        path: "nocobase-fleet:databaseServerPasswords.main",
        says: ["pulumi config set --secret --path"],
        hides: "hunter2",
      },
    ],
  },
  {
    name: "a secret in a plain key",
    yaml: `config:
  nocobase-fleet:apps:
    crm: { title: { secure: v1:abc } }
`,
    faults: [{ path: "nocobase-fleet:apps.crm.title", says: ["is a secret", "databaseServerPasswords"] }],
  },
  {
    name: "an e-mail address that is none",
    yaml: `config:
  nocobase-fleet:rootEmail: admin
`,
    faults: [{ path: "nocobase-fleet:rootEmail", says: ['"admin"', "an e-mail address"] }],
  },
  {
    name: "a connection limit below what NocoBase needs",
    yaml: `config:
  nocobase-fleet:entry: { database: { connectionLimit: 2 } }
`,
    faults: [{ path: "nocobase-fleet:entry.database.connectionLimit", says: ["too small", "from 6"] }],
  },
  {
    name: "quantities that are none",
    yaml: `config:
  nocobase-fleet:entry: { resources: { memory: 1GB, cpu: 2 cores } }
`,
    faults: [
      { path: "nocobase-fleet:entry.resources.memory", says: ["1GB", "allowed: a quantity such as 1Gi"] },
      {
        path: "nocobase-fleet:entry.resources.cpu",
        says: ["2 cores", "allowed: cores such as 1, 0.5 or 500m"],
      },
    ],
  },
];
