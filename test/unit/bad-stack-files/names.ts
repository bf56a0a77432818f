/** Stack files whose names, hosts, ports or databases are another's, or reserved. */
import { databaseName, instanceName } from "../../../plan/names";
import { derivedPort } from "../../../plan/ports";
import type { BadStackFile } from "./types";

const [first, second] = keysWithOnePort();
const longKey = "a".repeat(63);
/** Keys that are spelled like what the long key is cut to. */
const likeDatabase = databaseName("dev", longKey).slice("dev_".length).replaceAll("_", "-");
const likeInstance = instanceName("app", longKey).slice("app-".length);

/** Two dedicated apps whose derived ports are equal in stack `dev`. */
function keysWithOnePort(): [string, string] {
  const seen = new Map<number, string>();
  for (let index = 10; ; index++) {
    const key = `app${index}`;
    const port = derivedPort("dev", instanceName("app", key));
    const other = seen.get(port);
    if (other !== undefined) return other < key ? [other, key] : [key, other];
    seen.set(port, key);
  }
}

export const brokenNames: readonly BadStackFile[] = [
  {
    name: "one port for two processes",
    yaml: `config:
  nocobase-fleet:environments: { blue: { port: 21000 }, green: { port: 21000 } }
`,
    faults: [
      {
        path: "nocobase-fleet:environments.green.port",
        says: ["21000", "environments.blue", "choose another port"],
      },
    ],
  },
  {
    name: "the gateway's port for the entry app",
    yaml: `config:
  nocobase-fleet:entry: { port: 13000 }
`,
    faults: [{ path: "nocobase-fleet:entry.port", says: ["13000", "the port of nocobase-fleet:gateway"] }],
  },
  {
    name: "an explicit port on a derived one",
    yaml: `config:
  nocobase-fleet:environments: { blue: { port: ${derivedPort("dev", "app-erp")} } }
  nocobase-fleet:apps: { erp: { isolation: dedicated } }
`,
    faults: [
      {
        path: "nocobase-fleet:environments.blue.port",
        says: ["nocobase-fleet:apps.erp", "choose another port"],
      },
    ],
  },
  {
    name: "two derived ports that come out equal",
    yaml: `config:
  nocobase-fleet:apps: { ${first}: { isolation: dedicated }, ${second}: { isolation: dedicated } }
`,
    faults: [
      {
        path: `nocobase-fleet:apps.${second}.port`,
        says: ["is the derived port here and", `nocobase-fleet:apps.${first}`, "to a free port"],
      },
    ],
  },
  {
    name: "a key like the cut database name of another",
    yaml: `config:
  nocobase-fleet:apps: { ${longKey}: {}, ${likeDatabase}: {} }
`,
    faults: [
      {
        path: `nocobase-fleet:apps.${longKey}`,
        says: [databaseName("dev", longKey), "gets, too", "shorter"],
      },
    ],
  },
  {
    name: "a key like the cut process name of another",
    yaml: `config:
  nocobase-fleet:apps: { ${longKey}: { isolation: dedicated }, ${likeInstance}: { isolation: dedicated } }
`,
    faults: [
      { path: `nocobase-fleet:apps.${longKey}`, says: ["is cut to", `app-${likeInstance}`, "shorter"] },
      { path: `nocobase-fleet:apps.${longKey}.port`, says: ["the derived port here"] },
    ],
  },
  {
    name: "one domain for two apps",
    yaml: `config:
  nocobase-fleet:apps:
    crm: { domains: [shop.example.com] }
    shop: { domains: [SHOP.example.com] }
`,
    faults: [
      {
        path: "nocobase-fleet:apps.shop.domains[0]",
        says: ["shop.example.com", "a host name of nocobase-fleet:apps.crm"],
        line: 4,
      },
    ],
  },
  {
    name: "a custom domain that is another app's host",
    yaml: `config:
  nocobase-fleet:apps:
    crm: { domains: [support.localhost, localhost] }
    support: {}
`,
    faults: [
      { path: "nocobase-fleet:apps.crm.domains[0]", says: ["a host name of nocobase-fleet:apps.support"] },
      { path: "nocobase-fleet:apps.crm.domains[1]", says: ["a host name of the entry app"] },
    ],
  },
  {
    name: "one key for an environment and an app",
    yaml: `config:
  nocobase-fleet:environments: { blue: {} }
  nocobase-fleet:apps: { blue: { environment: blue } }
`,
    faults: [
      { path: "nocobase-fleet:apps.blue", says: ["used twice", "blue.localhost", "rename one of the two"] },
    ],
  },
  {
    name: "names that NocoBase, PostgreSQL, YAML or the fleet reserve",
    yaml: `config:
  nocobase-fleet:environments: { entry: {} }
  nocobase-fleet:apps: { main: {}, postgres: {}, no: {}, constructor: {} }
`,
    faults: [
      { path: "nocobase-fleet:environments.entry", says: ["reserved", "the entry app's"] },
      { path: "nocobase-fleet:apps.main", says: ["reserved", "NocoBase"] },
      { path: "nocobase-fleet:apps.postgres", says: ["reserved", "PostgreSQL's own"] },
      { path: "nocobase-fleet:apps.no", says: ["reserved", "YAML", "e.g. no-app"] },
      { path: "nocobase-fleet:apps.constructor", says: ["reserved", "JavaScript"] },
    ],
  },
  {
    name: "one database for two apps",
    yaml: `config:
  nocobase-fleet:apps: { crm: {}, shop: { database: { name: dev_crm } } }
`,
    faults: [
      {
        path: "nocobase-fleet:apps.shop.database.name",
        says: ["dev_crm", "the database name of nocobase-fleet:apps.crm"],
      },
    ],
  },
  {
    name: "a database of PostgreSQL's own",
    yaml: `config:
  nocobase-fleet:apps: { crm: { database: { name: template1 } } }
`,
    faults: [{ path: "nocobase-fleet:apps.crm.database.name", says: ["template1", "dev_crm by default"] }],
  },
  {
    name: "an app named like another's database",
    yaml: `config:
  nocobase-fleet:entry: { database: { name: crm } }
  nocobase-fleet:apps: { crm: {} }
`,
    faults: [
      { path: "nocobase-fleet:apps.crm", says: ['that of "entry"', "NocoBase would attach the app to it"] },
    ],
  },
  {
    name: "a role that is the administrator",
    yaml: `config:
  nocobase-fleet:databaseServers: { main: { kind: external, host: db.example.com, adminUser: dev_crm } }
  nocobase-fleet:databaseServerPasswords: { main: { secure: v1:a } }
  nocobase-fleet:apps: { crm: {} }
`,
    faults: [{ path: "nocobase-fleet:apps.crm", says: ["role dev_crm", "administrator"] }],
  },
];
