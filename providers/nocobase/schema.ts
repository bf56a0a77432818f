import { integer, resource, secret, text, variables } from "../kit/schema";

const host = {
  type: "object",
  description: "The instance that hosts an application.",
  properties: {
    url: text(
      "Address of the hosting instance, e.g. http://127.0.0.1:21034. Another one moves the application there.",
    ),
    account: text("Its root user's e-mail."),
    password: secret("Its root user's password."),
    encryptionKey: secret("64 hex digits: its APP_SUPERVISOR_AES_SECRET_KEY."),
    cluster: variables(
      "Where it runs in Kubernetes (namespace, context); it is then reached through the API server.",
    ),
  },
  required: ["url", "account", "password", "encryptionKey"],
};

const database = {
  type: "object",
  description: "A database made beforehand; never created or dropped here.",
  properties: {
    host: text("Host name of the PostgreSQL server."),
    port: integer("Its port."),
    name: text("Name of the database. Another one replaces the application, the old one first."),
    user: text("Role that owns the database."),
    password: secret("The role's password."),
    sslMode: text("disable, require or verify-full; the host's own setting by default."),
  },
  required: ["host", "port", "name", "user", "password"],
};

const inputProperties = {
  host: { $ref: "#/types/nocobase:index:Host", description: "The hosting instance." },
  name: text("Name inside the host, ^[a-z][a-z0-9-]*$. Another one replaces the application."),
  title: text("Title in the host's app manager."),
  cname: text("Host name that NocoBase answers for this application, e.g. crm.localhost."),
  startMode: { ...text("auto starts with the host, lazy at the first visit."), default: "auto" },
  state: { ...text("running, stopped, or operator: as people leave it."), default: "running" },
  database: { $ref: "#/types/nocobase:index:Database", description: "The application's database." },
  jwtSecret: secret("Signs the application's tokens; at least 16 characters."),
  rootEmail: text("Root user's e-mail in the application."),
  rootNickname: text("Root user's nickname in the application."),
  rootPassword: secret("Root user's password in the application."),
};

const entry = {
  type: "object",
  description: "The entry app.",
  properties: {
    url: text("Address of its process."),
    account: text("Its root user's e-mail."),
    password: secret("Its root user's password."),
    cluster: variables(
      "Where it runs in Kubernetes (namespace, context); it is then reached through the API server.",
    ),
  },
  required: ["url", "account", "password"],
};

const rows = (description: string) => ({
  type: "array",
  items: { type: "object", additionalProperties: { $ref: "pulumi.json#/Any" } },
  description,
});

const declarationProperties = {
  host: { $ref: "#/types/nocobase:index:Entry", description: "The entry app." },
  stack: text("The stack whose declaration this is; another one replaces it."),
  environments: rows("Runtime environments, each with name, role, title, release and url."),
  apps: rows("Apps, each with name, role, title, isolation, environment, release, url and state."),
};

const requiredInputs = [
  "host",
  "name",
  "title",
  "database",
  "jwtSecret",
  "rootEmail",
  "rootNickname",
  "rootPassword",
];

/** Pulumi package schema of the `nocobase` provider. */
export const schema = {
  name: "nocobase",
  version: "0.1.0",
  displayName: "NocoBase",
  description: "Applications inside a NocoBase 2.2 instance.",
  license: "Apache-2.0",
  config: {
    variables: {
      account: text("Root account of the host, for imports; else NOCOBASE_ACCOUNT."),
      password: secret("Root password of the host, for imports; else NOCOBASE_PASSWORD."),
    },
  },
  types: {
    "nocobase:index:Host": host,
    "nocobase:index:Database": database,
    "nocobase:index:Entry": entry,
  },
  resources: {
    "nocobase:index:Application": {
      description:
        "A business app in shared memory; create and update wait until it answers. Deleting it leaves its database.",
      inputProperties,
      requiredInputs,
      properties: {
        ...inputProperties,
        url: text("Address inside the host, e.g. http://127.0.0.1:21034/apps/crm/."),
      },
      required: [...requiredInputs, "startMode", "state", "url"],
    },
    "nocobase:index:Declaration": resource(
      "What a stack file says of its fleet, told to the entry app's control plane.",
      declarationProperties,
    ),
  },
};
