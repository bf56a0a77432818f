/** The resources of the official `postgresql` package that the stand-in has (package 3.18.1). */
import type { Attribute, ResourceSpec } from "../bridge/attributes";

const flag = (description: string, preset = false): Attribute => ({
  type: "boolean",
  input: "optional",
  default: preset,
  description,
});

const connectionLimit: Attribute = {
  type: "integer",
  input: "optional",
  default: -1,
  min: -1,
  description: "Most connections at once; -1 for no limit.",
};

const name = (what: string): Attribute => ({
  type: "string",
  input: "optional",
  autoname: true,
  description: `Name of the ${what}.`,
});

/** Officially there, not here. */
const notHere = (type: Attribute["type"], more: Partial<Attribute> = {}): Attribute => ({
  type,
  input: "optional",
  unsupported: true,
  description: "Official plugin only.",
  ...more,
});

const milliseconds = (description: string): Attribute => ({
  type: "integer",
  input: "optional",
  min: 0,
  description: `${description}, in milliseconds; 0 for no limit.`,
});

export const ROLE: ResourceSpec = {
  token: "postgresql:index/role:Role",
  description: "A role on the server.",
  flavour: "sdk",
  attributes: {
    name: name("role"),
    password: { type: "string", input: "optional", secret: true, description: "Its password." },
    passwordWo: notHere("string", { secret: true }),
    passwordWoVersion: notHere("string"),
    encrypted: notHere("string"),
    encryptedPassword: flag("Always true: PostgreSQL 10 and later keep no other passwords.", true),
    roles: { type: "set", input: "optional", description: "Roles that it is a member of." },
    searchPaths: {
      type: "list",
      input: "optional",
      upstream: "search_path",
      description: "Schemas that it looks names up in.",
    },
    validUntil: {
      type: "string",
      input: "optional",
      default: "infinity",
      description: "When its password expires.",
    },
    connectionLimit,
    superuser: flag("Whether it may do anything."),
    createDatabase: flag("Whether it may create databases."),
    createRole: flag("Whether it may create roles."),
    inherit: flag("Whether it has the privileges of roles that it is a member of.", true),
    login: flag("Whether it may sign in."),
    replication: flag("Whether it may replicate."),
    bypassRowLevelSecurity: flag("Whether row security does not apply to it."),
    skipDropRole: flag("Keep the role when the resource goes."),
    skipReassignOwned: flag("Leave what it owns as it is when the resource goes."),
    statementTimeout: milliseconds("Longest run of a statement"),
    idleInTransactionSessionTimeout: milliseconds("Longest idle time in a transaction"),
    assumeRole: { type: "string", input: "optional", description: "Role that it becomes when it signs in." },
  },
};

/** Taken from the server where not given; a change needs a new database. */
const fixed = (description: string): Attribute => ({
  type: "string",
  input: "optional",
  computed: true,
  replace: true,
  description,
});

export const DATABASE: ResourceSpec = {
  token: "postgresql:index/database:Database",
  description: "A database on the server.",
  flavour: "sdk",
  attributes: {
    name: name("database"),
    owner: {
      type: "string",
      input: "optional",
      computed: true,
      description: "Role that owns it; by default the one that makes it.",
    },
    template: fixed("Database that it is copied from; template0 by default."),
    encoding: fixed("Character set; UTF8 by default."),
    lcCollate: fixed("Collation; the template's by default."),
    lcCtype: fixed("Character classes; the template's by default."),
    tablespaceName: { type: "string", input: "optional", computed: true, description: "Its tablespace." },
    connectionLimit,
    allowConnections: flag("Whether anybody may connect.", true),
    isTemplate: {
      type: "boolean",
      input: "optional",
      computed: true,
      description: "Whether anybody who may create databases may copy it.",
    },
    alterObjectOwnership: notHere("boolean", { default: false }),
  },
};

export const GRANT: ResourceSpec = {
  token: "postgresql:index/grant:Grant",
  description: "All privileges that a role has on an object.",
  flavour: "sdk",
  deleteBeforeReplace: true,
  attributes: {
    role: {
      type: "string",
      input: "required",
      replace: true,
      description: "The role; public for everybody.",
    },
    database: { type: "string", input: "required", replace: true, description: "The database." },
    objectType: {
      type: "string",
      input: "required",
      replace: true,
      description: "database or schema; others only with the official plugin.",
    },
    schema: { type: "string", input: "optional", replace: true, description: "The schema." },
    privileges: {
      type: "set",
      input: "required",
      description: "What it may do, such as CONNECT, or ALL; none revokes everything.",
    },
    objects: notHere("set", { replace: true }),
    columns: notHere("set", { replace: true }),
    withGrantOption: { ...flag("Whether it may grant them to others."), replace: true },
  },
};
