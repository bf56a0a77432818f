import type { BadStackFile } from "./types";

const head = `config:
  nocobase-fleet:platform: kubernetes
  nocobase-fleet:kubernetes: { image: "registry.example.com/nocobase:{version}" }
`;
const main = "nocobase-fleet:databaseServers.main";

/** What can't be asked of a server that CloudNativePG runs. */
export const badCloudnativepg: readonly BadStackFile[] = [
  {
    name: "a CloudNativePG server on platform local",
    yaml: `config:
  nocobase-fleet:databaseServers: { main: { kind: cloudnativepg } }
`,
    faults: [{ path: `${main}.kind`, says: ["the platform is local", "write kind: managed"] }],
  },
  {
    name: "a CloudNativePG server of no instances, a version that can't be dumped, and sizes that are none",
    yaml: `${head}  nocobase-fleet:databaseServers:
    main: { kind: cloudnativepg, instances: 0, version: 17, storage: { size: 20GB }, resources: { memory: much } }
`,
    faults: [
      { path: `${main}.instances`, says: ["too small", "1 to 9"] },
      { path: `${main}.version`, says: ["too large", "14 or 15"] },
      { path: `${main}.storage.size`, says: ["20GB", "Mi, Gi or Ti"] },
      { path: `${main}.resources.memory`, says: ["much"] },
    ],
  },
  {
    name: "an image of another version, and a password that nobody signs in with",
    yaml: `${head}  nocobase-fleet:databaseServers:
    main: { kind: cloudnativepg, image: "registry.example.com/postgresql:17.2" }
  nocobase-fleet:databaseServerPasswords: { main: { secure: v1:x } }
`,
    faults: [
      { path: `${main}.image`, says: ["begins with 15"] },
      { path: "nocobase-fleet:databaseServerPasswords.main", says: ["cloudnativepg", "remove it"] },
    ],
  },
  {
    name: "an object store without keys, and keys without a store",
    yaml: `${head}  nocobase-fleet:databaseServers:
    main: { kind: cloudnativepg, backups: { destination: "s3://backups/fleet" } }
  nocobase-fleet:objectStoreKeys: { other: { accessKeyId: { secure: v1:x }, secretAccessKey: { secure: v1:x } } }
`,
    faults: [
      {
        path: "nocobase-fleet:objectStoreKeys.main",
        says: [
          "is missing",
          "pulumi config set --secret --path 'nocobase-fleet:objectStoreKeys.main.accessKeyId'",
        ],
      },
      { path: "nocobase-fleet:objectStoreKeys.other", says: ["belongs to no cloudnativepg server"] },
    ],
  },
  {
    name: "backups to no bucket, by a schedule of five fields, and a moment that is none",
    yaml: `${head}  nocobase-fleet:databaseServers:
    own: { kind: cloudnativepg, backups: { destination: /backups, schedule: "0 2 * * *", retention: 30 days } }
    main:
      kind: cloudnativepg
      backups: { destination: "s3://backups/fleet", name: new }
      recovery: { destination: "s3://backups/fleet", name: old, until: yesterday }
  nocobase-fleet:objectStoreKeys:
    main: { accessKeyId: { secure: v1:x }, secretAccessKey: { secure: v1:x } }
    own: { accessKeyId: { secure: v1:x }, secretAccessKey: { secure: v1:x } }
  nocobase-fleet:entry: { database: { server: main } }
`,
    faults: [
      { path: "nocobase-fleet:databaseServers.own.backups.destination", says: ["s3://"] },
      { path: "nocobase-fleet:databaseServers.own.backups.schedule", says: ["six fields"] },
      { path: "nocobase-fleet:databaseServers.own.backups.retention", says: ["30d"] },
      { path: `${main}.recovery.until`, says: ["yesterday", "time zone"] },
    ],
  },
  {
    name: "backups into the folder that the data come from",
    yaml: `${head}  nocobase-fleet:databaseServers:
    main:
      kind: cloudnativepg
      backups: { destination: "s3://backups/fleet", name: old }
      recovery: { destination: "s3://backups/fleet", name: old }
  nocobase-fleet:objectStoreKeys: { main: { accessKeyId: { secure: v1:x }, secretAccessKey: { secure: v1:x } } }
`,
    faults: [{ path: `${main}.backups.name`, says: ["old", "write into the old one's backups", "old-2"] }],
  },
  {
    name: "an app in another cluster than its CloudNativePG server",
    yaml: `${head}  nocobase-fleet:databaseServers: { main: { kind: cloudnativepg, context: east } }
  nocobase-fleet:entry: { kubernetes: { context: east } }
  nocobase-fleet:environments: { blue: { kubernetes: { context: east } } }
  nocobase-fleet:apps: { crm: { environment: blue }, erp: { isolation: dedicated, kubernetes: { context: west } } }
`,
    faults: [
      {
        path: "nocobase-fleet:apps.erp.database.server",
        says: ["context east", "context west", "can't reach it"],
      },
    ],
  },
  {
    name: "names that the operator keeps for itself",
    yaml: `${head}  nocobase-fleet:databaseServers: { main: { kind: cloudnativepg } }
  nocobase-fleet:apps: { crm: { isolation: dedicated, database: { name: app } } }
`,
    faults: [{ path: "nocobase-fleet:apps.crm.database.name", says: ["the operator makes on every server"] }],
  },
  {
    name: "a fleet's own supervisor on a CloudNativePG server",
    yaml: `${head}  nocobase-fleet:databaseServers: { main: { kind: cloudnativepg } }
  nocobase-fleet:environments: { blue: {} }
  nocobase-fleet:supervisor: open
`,
    faults: [{ path: "nocobase-fleet:supervisor", says: ["which CloudNativePG runs", "leave it out"] }],
  },
  {
    name: "a CloudNativePG server of a tenant's own",
    yaml: `config:
  nocobase-fleet:platformStack: platform
  nocobase-fleet:databaseServers: { main: { kind: cloudnativepg } }
  nocobase-fleet:apps: { crm: { environment: blue } }
`,
    faults: [{ path: `${main}.kind`, says: ["a tenant's stack file", "kind: external"] }],
  },
];
