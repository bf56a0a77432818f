import type { BadStackFile } from "./types";

const head = `config:
  nocobase-fleet:platform: kubernetes
  nocobase-fleet:databaseServers: { main: { kind: external, host: db.example.com } }
  nocobase-fleet:databaseServerPasswords: { main: { secure: v1:x } }
`;
const image = `  nocobase-fleet:kubernetes: { image: "registry.example.com/nocobase:{version}" }
`;

/** What a cluster can't be told, or can't do. */
export const badKubernetes: readonly BadStackFile[] = [
  {
    name: "an image without a tag",
    yaml: `${head}  nocobase-fleet:kubernetes: { image: registry.example.com/nocobase }
`,
    faults: [{ path: "nocobase-fleet:kubernetes.image", says: ["a tag or a digest", "{version}"] }],
  },
  {
    name: "a cluster on platform local",
    yaml: `config:
  nocobase-fleet:kubernetes: { image: "registry.example.com/nocobase:1" }
  nocobase-fleet:entry: { kubernetes: { nodeSelector: { pool: a } } }
`,
    faults: [
      { path: "nocobase-fleet:kubernetes", says: ["the platform is local", "remove it"] },
      { path: "nocobase-fleet:entry.kubernetes", says: ["the platform is local"] },
    ],
  },
  {
    name: "replicas whose files one node alone may write",
    yaml: `${head}${image}  nocobase-fleet:apps: { erp: { isolation: dedicated, replicas: 2 } }
`,
    faults: [
      {
        path: "nocobase-fleet:apps.erp.kubernetes.storage.accessMode",
        says: ["ReadWriteOnce", "up to 2 replicas", "write ReadWriteMany"],
      },
    ],
  },
  {
    name: "a range upside down",
    yaml: `${head}${image}  nocobase-fleet:apps:
    erp: { isolation: dedicated, replicas: { min: 3, max: 2 }, kubernetes: { storage: { accessMode: ReadWriteMany } } }
`,
    faults: [
      { path: "nocobase-fleet:apps.erp.replicas", says: ["a max below its min", "{ min: 2, max: 3 }"] },
    ],
  },
  {
    name: "an autoscaler on platform local",
    yaml: `config:
  nocobase-fleet:apps: { erp: { isolation: dedicated, replicas: { min: 1, max: 3 } } }
`,
    faults: [{ path: "nocobase-fleet:apps.erp.replicas", says: ["has no autoscaler", "replicas: 1"] }],
  },
  {
    name: "a registry without its password, and a password without its registry",
    yaml: `${head}${image}  nocobase-fleet:registries: { main: { address: registry.example.com, username: robot } }
  nocobase-fleet:registryPasswords: { other: { secure: "v1:x" } }
`,
    faults: [
      {
        path: "nocobase-fleet:registryPasswords.main",
        says: ["is missing", "pulumi config set --secret --path 'nocobase-fleet:registryPasswords.main'"],
      },
      { path: "nocobase-fleet:registryPasswords.other", says: ["belongs to no declared registry"] },
    ],
  },
  {
    name: "a registry's password in the clear",
    yaml: `${head}${image}  nocobase-fleet:registryPasswords: { main: hunter2 }
`,
    faults: [{ path: "nocobase-fleet:registryPasswords.main", says: ["never write a secret in plain text"] }],
  },
  {
    name: "a network and a label that are none",
    yaml: `${head}  nocobase-fleet:kubernetes:
    image: "registry.example.com/nocobase:{version}"
    egress: [{ cidr: 192.0.2.300/24, port: 25 }]
  nocobase-fleet:entry: { kubernetes: { nodeSelector: { "not a label": x } } }
`,
    faults: [
      { path: "nocobase-fleet:kubernetes.egress[0].cidr", says: ["CIDR"] },
      { path: 'nocobase-fleet:entry.kubernetes.nodeSelector["not a label"]', says: ["not a label"] },
    ],
  },
];
