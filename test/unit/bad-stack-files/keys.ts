/** Stack files with keys, variables or limits that don't go with what they are given to. */
import type { BadStackFile } from "./types";

export const brokenKeys: readonly BadStackFile[] = [
  {
    name: "keys of a process for a shared app",
    yaml: `config:
  nocobase-fleet:apps:
    crm: { port: 21000, env: { LOGGER_LEVEL: warn }, release: { version: 2.2.15 }, heapLimitMiB: 512 }
`,
    faults: [
      { path: "nocobase-fleet:apps.crm.port", says: ["host's port", "isolation: dedicated"] },
      { path: "nocobase-fleet:apps.crm.env", says: ["host's environment variables"] },
      { path: "nocobase-fleet:apps.crm.release", says: ["host's release"] },
      { path: "nocobase-fleet:apps.crm.heapLimitMiB", says: ["host's heap"] },
    ],
  },
  {
    name: "keys of a guest for a dedicated app",
    yaml: `config:
  nocobase-fleet:environments: { blue: {} }
  nocobase-fleet:apps: { crm: { isolation: dedicated, environment: blue, startMode: lazy } }
`,
    faults: [
      { path: "nocobase-fleet:apps.crm.environment", says: ["dedicated app", "isolation: shared"] },
      { path: "nocobase-fleet:apps.crm.startMode", says: ["dedicated app", "isolation: shared"] },
    ],
  },
  {
    name: "variables that the fleet sets itself",
    yaml: `config:
  nocobase-fleet:entry:
    env: { APP_KEY: x, DB_HOST: x, INIT_ROOT_PASSWORD: x, NODE_OPTIONS: x, APP_SUPERVISOR_AES_SECRET_KEY: x }
`,
    faults: [
      { path: "nocobase-fleet:entry.env.APP_KEY", says: ["the fleet sets itself", "generates it"] },
      { path: "nocobase-fleet:entry.env.DB_HOST", says: ["use the key `database`"] },
      { path: "nocobase-fleet:entry.env.INIT_ROOT_PASSWORD", says: ["the password is generated"] },
      { path: "nocobase-fleet:entry.env.NODE_OPTIONS", says: ["use the key `heapLimitMiB`"] },
      { path: "nocobase-fleet:entry.env.APP_SUPERVISOR_AES_SECRET_KEY", says: ["the fleet sets itself"] },
    ],
  },
  {
    name: "secrets in plain variables",
    yaml: `config:
  nocobase-fleet:environments:
    blue:
      env: { SMTP_PASSWORD: hunter2, MAIL_URL: "smtp://me:hunter2@mail.example.com" }
`,
    faults: [
      {
        path: "nocobase-fleet:environments.blue.env.SMTP_PASSWORD",
        says: ["looks like a secret", "--path 'nocobase-fleet:secretEnv.blue.SMTP_PASSWORD'"],
        hides: "hunter2",
      },
      {
        path: "nocobase-fleet:environments.blue.env.MAIL_URL",
        says: ["looks like a secret"],
        hides: "hunter2",
      },
    ],
  },
  {
    name: "a variable that lets every app make more apps",
    yaml: `config:
  nocobase-fleet:entry: { env: { APPEND_PRESET_BUILT_IN_PLUGINS: "@nocobase/plugin-multi-app-manager" } }
`,
    faults: [
      { path: "nocobase-fleet:entry.env.APPEND_PRESET_BUILT_IN_PLUGINS", says: ["create further apps"] },
    ],
  },
  {
    name: "a variable in plain and in secret",
    yaml: `config:
  nocobase-fleet:entry: { env: { SMTP_USER: me } }
  nocobase-fleet:secretEnv: { entry: { SMTP_USER: { secure: v1:a }, DB_PASSWORD: { secure: v1:b } } }
`,
    faults: [
      { path: "nocobase-fleet:entry.env.SMTP_USER", says: ["set twice", "secretEnv.entry.SMTP_USER"] },
      { path: "nocobase-fleet:secretEnv.entry.DB_PASSWORD", says: ["the fleet sets itself"] },
    ],
  },
  {
    name: "secret variables of what has no process",
    yaml: `config:
  nocobase-fleet:apps: { crm: {} }
  nocobase-fleet:secretEnv: { crm: { SMTP_USER: { secure: v1:a } }, entri: { SMTP_USER: { secure: v1:b } } }
`,
    faults: [
      { path: "nocobase-fleet:secretEnv.crm", says: ["a shared app", "isolation: dedicated"] },
      { path: "nocobase-fleet:secretEnv.entri", says: ["no process of this fleet", '"entry"?'] },
    ],
  },
  {
    name: "more connections than the server has",
    yaml: `config:
  nocobase-fleet:databaseServers: { main: { kind: managed, maxConnections: 20 } }
  nocobase-fleet:apps: { crm: { database: { connectionLimit: 18 } } }
`,
    faults: [
      {
        path: "nocobase-fleet:apps.crm.database.connectionLimit",
        says: ["18", "maxConnections 20", "at most 17"],
      },
    ],
  },
];
