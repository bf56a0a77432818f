/** Stack files whose every field is right by itself, and whose fields contradict each other or the world. */
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
