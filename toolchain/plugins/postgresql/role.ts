/** `Role`: a role on the server. */
import { escapeIdentifier, escapeLiteral } from "./pg";
import type { Props, ResourceHandler } from "../../../providers/kit/types";
import { isGiven, strings } from "../bridge/attributes";
import { checkInputs } from "../bridge/check";
import { diffResource, plannedOutputs, same } from "../bridge/diff";
import { inputsFromOutputs, normalizedSet, writePreview, writeState } from "../bridge/state";
import { REMEDY } from "./config";
import { existsError, explained, faultOf } from "./errors";
import { asMemberOf } from "./membership";
import { readRole } from "./role-state";
import { isPlainAscii, isVerifier, md5Verifier, scramVerifier } from "./scram";
import { serverOf, type Query, type Server } from "./server";
import { ROLE } from "./specs";

/** Attributes that are words of CREATE and ALTER ROLE; without them, the word has a NO in front. */
const FLAGS = {
  superuser: "SUPERUSER",
  createDatabase: "CREATEDB",
  createRole: "CREATEROLE",
  inherit: "INHERIT",
  login: "LOGIN",
  bypassRowLevelSecurity: "BYPASSRLS",
  replication: "REPLICATION",
} as const;

/** Attributes that are settings of the role. */
const TIMEOUTS = {
  statementTimeout: "statement_timeout",
  idleInTransactionSessionTimeout: "idle_in_transaction_session_timeout",
} as const;

export const role: ResourceHandler = {
  check(news, olds, { name }) {
    const { inputs, failures = [] } = checkInputs(news, olds, { spec: ROLE, remedy: REMEDY, name });
    if (inputs.encryptedPassword === false) {
      const reason =
        "encryptedPassword is false; PostgreSQL 10 and later keep no other passwords. Leave it out.";
      failures.push({ property: "encryptedPassword", reason });
    }
    for (const path of strings(inputs.searchPaths)) {
      if (!path.includes(", ")) continue;
      const reason = `searchPaths has ${JSON.stringify(path)}; give each schema as an item of its own.`;
      failures.push({ property: "searchPaths", reason });
    }
    return { inputs, failures };
  },

  diff: (_id, olds, news) => diffResource(ROLE, olds, news),

  preview: (inputs, _context, olds) => writePreview(ROLE, plannedOutputs(ROLE, inputs, olds), olds),

  async create(inputs, { config }) {
    const server = serverOf(config);
    const planned = plannedOutputs(ROLE, inputs);
    const name = String(planned.name);
    await explained(`create the role ${name}`, server.address, () =>
      server.inTransaction(async (query) => {
        const options = [...(await passwordOption(query, planned)), ...roleOptions(planned)];
        try {
          await query(`CREATE ROLE ${escapeIdentifier(name)} WITH ${options.join(" ")}`);
        } catch (error) {
          throw faultOf(error).code === "42710"
            ? existsError("role", name, server.address, ROLE.token)
            : error;
        }
        await setSettings(query, name, planned, {});
        await setMemberships(query, name, planned);
      }),
    );
    return { id: name, outputs: await stateAfter(server, planned) };
  },

  async read(id, outputs, { config }, inputs) {
    const server = serverOf(config);
    const isImport = Object.keys(outputs).length === 0;
    const name = typeof outputs.id === "string" ? outputs.id : id;
    const values = await explained(`read the role ${name}`, server.address, () =>
      server.withConnection((query) => readRole(query, server, name, outputs)),
    );
    if (!values) return { id: undefined, outputs: {}, inputs: {} };
    return {
      id: String(values.name),
      outputs: writeState(ROLE, values),
      inputs: inputsFromOutputs(ROLE, values, isImport ? undefined : inputs),
    };
  },

  async update(_id, olds, news, { config }) {
    const server = serverOf(config);
    const planned = plannedOutputs(ROLE, news, olds);
    const name = String(planned.name);
    await explained(`change the role ${name}`, server.address, () =>
      server.inTransaction((query) => alterRole(query, olds, planned)),
    );
    // Upstream leaves an empty text where there was a password.
    if (isGiven(olds.password) && !isGiven(planned.password)) planned.password = "";
    return await stateAfter(server, planned);
  },

  async delete(_id, outputs, { config }) {
    const server = serverOf(config);
    const name = String(outputs.name);
    await explained(`remove the role ${name}`, server.address, () =>
      server.inTransaction((query) => dropRole(query, server, name, outputs)),
    );
  },
};

/** Live values after create or update; collections as planned, since upstream tells null from empty there. */
async function stateAfter(server: Server, planned: Props): Promise<Props> {
  const name = String(planned.name);
  const live = await server.withConnection((query) =>
    readRole(query, server, name, { ...planned, id: name }),
  );
  if (!live) throw new Error(`The role ${name} is gone from ${server.address} right after it was made.`);
  const collection = (key: "roles" | "searchPaths") =>
    strings(live[key]).length === 0 ? (planned[key] ?? null) : live[key];
  return writeState(ROLE, { ...live, roles: collection("roles"), searchPaths: collection("searchPaths") });
}

function roleOptions(planned: Props): string[] {
  const flags = Object.entries(FLAGS).map(([key, word]) => (planned[key] === true ? word : `NO${word}`));
  return [validUntilOption(planned), `CONNECTION LIMIT ${Number(planned.connectionLimit)}`, ...flags];
}

function validUntilOption({ validUntil }: Props): string {
  const isNever =
    !isGiven(validUntil) || validUntil === "" || String(validUntil).toLowerCase() === "infinity";
  return `VALID UNTIL ${escapeLiteral(isNever ? "infinity" : String(validUntil))}`;
}

/** The password as the server keeps it, wherever it can be made on this side. */
async function passwordOption(query: Query, { password, name }: Props): Promise<string[]> {
  if (typeof password !== "string" || password === "") return [];
  if (password.toUpperCase() === "NULL") return ["PASSWORD NULL"];
  const [setting] = await query("SHOW password_encryption");
  return [`PASSWORD ${escapeLiteral(storedPassword(password, String(name), setting?.password_encryption))}`];
}

function storedPassword(password: string, name: string, encryption: unknown): string {
  if (isVerifier(password)) return password;
  if (encryption === "md5") return md5Verifier(password, name);
  return encryption === "scram-sha-256" && isPlainAscii(password) ? scramVerifier(password) : password;
}

async function alterRole(query: Query, olds: Props, planned: Props): Promise<void> {
  const changed = (key: string) => !same(olds[key], planned[key]);
  const name = String(planned.name);
  await lock(query, String(olds.name));
  if (changed("name")) {
    await query(`ALTER ROLE ${escapeIdentifier(String(olds.name))} RENAME TO ${escapeIdentifier(name)}`);
  }
  const options = [
    // A rename takes an MD5 password away: its salt is the name.
    ...(changed("password") || changed("name") ? await passwordOption(query, planned) : []),
    ...(changed("connectionLimit") ? [`CONNECTION LIMIT ${Number(planned.connectionLimit)}`] : []),
    ...(changed("validUntil") ? [validUntilOption(planned)] : []),
    ...Object.entries(FLAGS)
      .filter(([key]) => changed(key))
      .map(([key, word]) => (planned[key] === true ? word : `NO${word}`)),
  ];
  if (options.length > 0) await query(`ALTER ROLE ${escapeIdentifier(name)} WITH ${options.join(" ")}`);
  await setSettings(query, name, planned, olds);
  if (changed("roles")) await setMemberships(query, name, planned);
}

async function setSettings(query: Query, name: string, planned: Props, olds: Props): Promise<void> {
  const alter = (words: string) => query(`ALTER ROLE ${escapeIdentifier(name)} ${words}`);
  const changed = (key: string) =>
    !same(olds[key], planned[key]) && (isGiven(olds[key]) || isGiven(planned[key]));
  if (changed("searchPaths")) {
    const paths = strings(planned.searchPaths).map(escapeIdentifier);
    await alter(paths.length > 0 ? `SET search_path TO ${paths.join(", ")}` : "RESET search_path");
  }
  for (const [key, setting] of Object.entries(TIMEOUTS)) {
    if (!changed(key)) continue;
    const value = Number(planned[key] ?? 0);
    await alter(value === 0 ? `RESET ${setting}` : `SET ${setting} TO ${value}`);
  }
  if (changed("assumeRole")) {
    const assumed = typeof planned.assumeRole === "string" ? planned.assumeRole : "";
    await alter(assumed === "" ? "RESET ROLE" : `SET ROLE TO ${escapeIdentifier(assumed)}`);
  }
}

async function setMemberships(query: Query, name: string, planned: Props): Promise<void> {
  const wanted = normalizedSet(strings(planned.roles)) ?? [];
  const rows = await query(
    `SELECT pg_get_userbyid(roleid) AS name FROM pg_auth_members
       JOIN pg_roles ON member = pg_roles.oid WHERE rolname = $1`,
    [name],
  );
  const present = rows.map((row) => String(row.name));
  for (const other of present.filter((each) => !wanted.includes(each))) {
    await query(`REVOKE ${escapeIdentifier(other)} FROM ${escapeIdentifier(name)}`);
  }
  for (const other of wanted.filter((each) => !present.includes(each))) {
    await query(`GRANT ${escapeIdentifier(other)} TO ${escapeIdentifier(name)}`);
  }
}

async function dropRole(query: Query, server: Server, name: string, outputs: Props): Promise<void> {
  const [found] = await query("SELECT 1 FROM pg_roles WHERE rolname = $1", [name]);
  if (!found) return;
  await lock(query, name);
  const quoted = escapeIdentifier(name);
  if (outputs.skipReassignOwned !== true) {
    await asMemberOf(query, [name], async () => {
      await query(`REASSIGN OWNED BY ${quoted} TO ${escapeIdentifier(server.config.databaseUsername)}`);
      await query(`DROP OWNED BY ${quoted}`);
    });
  }
  if (outputs.skipDropRole !== true) await query(`DROP ROLE ${quoted}`);
}

/** One change of a role at a time, from whatever process; upstream takes the same lock. */
async function lock(query: Query, name: string): Promise<void> {
  await query("SELECT pg_advisory_xact_lock(oid::bigint) FROM pg_roles WHERE rolname = $1", [name]);
}
