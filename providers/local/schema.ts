import { any, flag, integer, resource, secret, text, texts, variables } from "../kit/schema";

const ports = { type: "array", items: { type: "integer" } };
const connection = { $ref: "#/types/nocobase-local:index:DatabaseConnection" };

const running = { running: flag("Whether the process runs as declared.") };

/** Pulumi package schema of the provider. */
export const schema = {
  name: "nocobase-local",
  version: "0.1.0",
  description: "PostgreSQL, NocoBase and a gateway as supervised processes of this machine.",
  config: { variables: { root: text("Absolute folder of the stack's processes, data and logs.") } },
  provider: {
    inputProperties: { root: text("Absolute folder of the stack's processes, data and logs.") },
    requiredInputs: ["root"],
  },
  types: {
    "nocobase-local:index:DatabaseConnection": {
      type: "object",
      description: "How an app's own role reaches its database.",
      properties: {
        host: text("Host name of the PostgreSQL server."),
        port: integer("Its port."),
        name: text("Name of the database."),
        user: text("Role that owns it."),
        password: secret("The role's password."),
        sslMode: text("PostgreSQL's sslmode; disable by default."),
      },
      required: ["host", "port", "name", "user", "password"],
    },
    "nocobase-local:index:Resources": {
      type: "object",
      description: "Limits of a process.",
      properties: {
        memoryMiB: integer("Memory, MiB."),
        cpuMillis: integer("Processor time, thousandths of a core."),
      },
    },
    "nocobase-local:index:Route": {
      type: "object",
      description: "One line of the gateway's routing table.",
      properties: {
        key: text("Key of the entry app, environment or app."),
        kind: text("entry, environment or app."),
        title: text("Shown on the gateway's own pages."),
        isolation: text("shared or dedicated; apps only."),
        hosts: texts("Host names in lower case, without a port."),
        target: text("Address of the first process that serves it."),
        instance: text("Name of the instance, whose ready processes serve it."),
        state: text("running or stopped."),
      },
      required: ["key", "kind", "title", "hosts", "target", "state"],
    },
  },
  resources: {
    "nocobase-local:index:PostgresServer": resource(
      "A PostgreSQL server of the stack's own.",
      {
        name: text("Folder and process name."),
        port: integer("Port on 127.0.0.1."),
        adminUser: text("Superuser."),
        adminPassword: secret("The superuser's password."),
        maxConnections: integer("PostgreSQL's max_connections."),
      },
      [],
      { host: text("Address."), version: text("Server version."), ...running },
    ),
    "nocobase-local:index:Release": resource(
      "NocoBase installed once for all instances of this user.",
      { version: text("NocoBase version with a committed lockfile.") },
      [],
      { installed: flag("Whether it is in the cache.") },
    ),
    "nocobase-local:index:AppFiles": resource(
      "An app's uploads and AES key, and the guard of its data.",
      {
        key: text("Key of the app."),
        name: text("Folder name below <root>/files."),
        instance: text("Instance whose storage shows the files."),
        instanceRoot: text("Root of the stack that the instance belongs to; this stack's by default."),
        appName: text("The app's name inside that instance; main for the instance's own."),
        aesKey: secret("64 hex digits."),
        deletion: text("protect, backup, retain or delete."),
        database: connection,
      },
      ["instanceRoot"],
      { path: text("Absolute folder."), linked: flag("Whether the instance's storage shows the files.") },
    ),
    "nocobase-local:index:Instance": resource(
      "One NocoBase in supervised processes.",
      {
        name: text("Unit and folder name."),
        key: text("Key of the entry app, environment or app."),
        title: text("Shown on NocoBase's own pages."),
        release: text("NocoBase version."),
        host: text("Address to bind."),
        port: integer("Port to bind."),
        database: connection,
        state: text("running or stopped."),
        env: variables("Environment variables."),
        secretEnv: { ...variables("Secret environment variables."), secret: true },
        hostsApps: flag("Whether the multi-app manager is on."),
        rootEmail: text("Root user's e-mail."),
        rootPassword: secret("Root user's password."),
        heapLimitMiB: integer("V8's heap limit."),
        replicas: integer("Processes that serve it; 1 by default."),
        replicaPorts: { ...ports, description: "Ports of the replicas after the first." },
        resources: { $ref: "#/types/nocobase-local:index:Resources" },
      },
      ["heapLimitMiB", "replicas", "replicaPorts", "resources"],
      {
        url: text("Address of the first process."),
        ports: { ...ports, description: "Ports of all processes." },
        ...running,
      },
    ),
    "nocobase-local:index:Gateway": resource(
      "The fleet's one address.",
      {
        host: text("Address to bind."),
        port: integer("Port to bind."),
        domain: text("Base domain."),
        uploadLimitMiB: integer("Largest request body, MiB."),
        routes: {
          type: "array",
          items: { $ref: "#/types/nocobase-local:index:Route" },
          description: "The routing table.",
        },
      },
      [],
      { url: text("Address for browsers."), ...running },
    ),
    "nocobase-local:index:TenantRoutes": resource(
      "A tenant's routes in its platform stack's gateway.",
      {
        stack: text("The tenant's stack."),
        platformRoot: text("Absolute folder of the platform stack."),
        gateway: any("Host, port and domain of the gateway."),
        routes: {
          type: "array",
          items: { $ref: "#/types/nocobase-local:index:Route" },
          description: "The tenant's part of the routing table.",
        },
      },
      [],
      {},
    ),
  },
} as const;
