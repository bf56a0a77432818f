import type { BadStackFile } from "./types";

/** Replicas and limits that can't be. */
export const badReplicas: readonly BadStackFile[] = [
  {
    name: "replicas of a shared app",
    yaml: `config:
  nocobase-fleet:apps: { crm: { replicas: 2 } }
`,
    faults: [
      { path: "nocobase-fleet:apps.crm.replicas", says: ["2 is more than a shared app", "dedicated"] },
    ],
  },
  {
    name: "replicas of an environment",
    yaml: `config:
  nocobase-fleet:environments: { blue: { replicas: 2 } }
`,
    faults: [
      {
        path: "nocobase-fleet:environments.blue.replicas",
        says: ["2 is not a key", "multi-app manager", "declare a second environment", "isolation: dedicated"],
      },
    ],
  },
  {
    name: "replicas of an entry app that hosts apps",
    yaml: `config:
  nocobase-fleet:entry: { replicas: 2 }
  nocobase-fleet:environments: { blue: {} }
  nocobase-fleet:apps: { crm: {}, shop: { environment: blue } }
`,
    faults: [
      {
        path: "nocobase-fleet:entry.replicas",
        says: ["hosts shared apps (crm)", "multi-app manager", "nocobase-fleet:environments"],
      },
    ],
  },
  {
    name: "more replicas than the role has connections",
    yaml: `config:
  nocobase-fleet:databaseServers: { main: { kind: managed, maxConnections: 40 } }
  nocobase-fleet:entry: { replicas: 5 }
  nocobase-fleet:apps:
    erp: { isolation: dedicated, replicas: 3, database: { connectionLimit: 20 } }
`,
    faults: [
      {
        path: "nocobase-fleet:entry.replicas",
        says: ["needs 50", "may hold 37", "at most 3", "maxConnections to 53"],
      },
      {
        path: "nocobase-fleet:apps.erp.replicas",
        says: ["needs 32", "may hold 20", "at most 1", "apps.erp.database.connectionLimit to 32"],
      },
    ],
  },
  {
    name: "replicas on a platform that isn't there",
    yaml: `config:
  nocobase-fleet:platform: docker
  nocobase-fleet:apps: { crm: { isolation: dedicated, replicas: 2 } }
`,
    faults: [
      { path: "nocobase-fleet:platform", says: ["not implemented"] },
      { path: "nocobase-fleet:apps.crm.replicas", says: ["more than platform docker can run"] },
    ],
  },
  {
    name: "ports that replicas would share or lack",
    yaml: `config:
  nocobase-fleet:apps:
    crm: { isolation: dedicated, replicas: 3, port: 21000 }
    erp: { isolation: dedicated, port: 21002 }
    shop: { isolation: dedicated, replicas: 3, port: 65534 }
`,
    faults: [
      { path: "nocobase-fleet:apps.erp.port", says: ["21002", "the port of nocobase-fleet:apps.crm"] },
      { path: "nocobase-fleet:apps.shop.port", says: ["3 replicas", "up to 65536", "at most 65533"] },
    ],
  },
  {
    name: "limits that NocoBase can't live within",
    yaml: `config:
  nocobase-fleet:entry: { resources: { memory: 256Mi, cpu: 10m } }
  nocobase-fleet:environments: { blue: { heapLimitMiB: 1024, resources: { memory: 1Gi } } }
  nocobase-fleet:apps: { crm: { environment: blue, resources: { memory: 1Gi } } }
`,
    faults: [
      { path: "nocobase-fleet:entry.resources.memory", says: ['"256Mi" is too little', "450 MiB", "512Mi"] },
      { path: "nocobase-fleet:entry.resources.cpu", says: ['"10m" is too little', "100m"] },
      {
        path: "nocobase-fleet:environments.blue.heapLimitMiB",
        says: ["1024 leaves no room", "less than 1024"],
      },
      { path: "nocobase-fleet:apps.crm.resources", says: ["shared app", "isolation: dedicated"] },
    ],
  },
];
