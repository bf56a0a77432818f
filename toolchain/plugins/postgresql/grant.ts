/** `Grant`: all the privileges of a role on one database or schema. */
import { escapeIdentifier } from "./pg";
import { UNKNOWN, type CheckFailure, type Props, type ResourceHandler } from "../../../providers/kit/types";
import { strings } from "../bridge/attributes";
import { checkInputs } from "../bridge/check";
import { diffResource, plannedOutputs } from "../bridge/diff";
import { inputsFromOutputs, normalizedSet, writePreview, writeState } from "../bridge/state";
import { REMEDY } from "./config";
import { explained } from "./errors";
import { asMemberOf } from "./membership";
import { serverOf, type Query, type Row, type Server } from "./server";
import { GRANT } from "./specs";

const PRIVILEGES: Readonly<Record<string, readonly string[]>> = {
  database: ["CREATE", "CONNECT", "TEMPORARY"],
  schema: ["CREATE", "USAGE"],
};

/** Everybody, present and future roles alike. */
const PUBLIC = "public";

export const grant: ResourceHandler = {
  check(news, olds, { name }) {
    const { inputs, failures = [] } = checkInputs(news, olds, { spec: GRANT, remedy: REMEDY, name });
    return { inputs, failures: failures.length > 0 ? failures : faults(inputs) };
  },

  diff: (_id, olds, news) => diffResource(GRANT, olds, news),

  preview: (inputs, _context, olds) => writePreview(GRANT, plannedOutputs(GRANT, inputs, olds), olds),

  async create(inputs, { config }) {
    const planned = plannedOutputs(GRANT, inputs);
    await apply(serverOf(config), planned);
    return { id: grantId(planned), outputs: writeState(GRANT, { ...planned, id: grantId(planned) }) };
  },

  async read(_id, outputs, { config }, inputs) {
    // Like upstream: an id does not tell role, database and schema apart, so a grant can't be imported.
    if (Object.keys(outputs).length === 0) return { id: undefined, outputs: {}, inputs: {} };
    const server = serverOf(config);
    const live = await explained(`read the privileges of ${String(outputs.role)}`, server.address, () =>
      readPrivileges(server, outputs),
    );
    if (!live) return { id: undefined, outputs: {}, inputs: {} };
    const values = { ...outputs, privileges: isGranted(outputs, live) ? outputs.privileges : live };
    const id = grantId(outputs);
    return {
      id,
      outputs: writeState(GRANT, { ...values, id }),
      inputs: inputsFromOutputs(GRANT, values, inputs),
    };
  },

  async update(_id, olds, news, { config }) {
    const planned = plannedOutputs(GRANT, news, olds);
    await apply(serverOf(config), planned);
    return writeState(GRANT, planned);
  },

  async delete(_id, outputs, { config }) {
    const server = serverOf(config);
    await explained(`revoke the privileges of ${String(outputs.role)}`, server.address, async () => {
      if (!(await readPrivileges(server, outputs))) return;
      await server.inTransaction(async (query) => {
        await lock(query, outputs);
        await asOwner(query, outputs, () => revoke(query, outputs));
      }, place(outputs));
    });
  },
};

function faults({ objectType, privileges, schema }: Props): CheckFailure[] {
  if (objectType === UNKNOWN) return [];
  const allowed = PRIVILEGES[String(objectType)];
  if (!allowed) {
    const reason =
      `objectType is ${JSON.stringify(objectType)}; this stand-in plugin knows ` +
      `${Object.keys(PRIVILEGES).join(" and ")}. ${REMEDY}`;
    return [{ property: "objectType", reason }];
  }
  const failures: CheckFailure[] = [];
  for (const privilege of strings(privileges)) {
    if (privilege === UNKNOWN || privilege === "ALL" || allowed.includes(privilege)) continue;
    const reason = `privileges has ${JSON.stringify(privilege)}; a ${String(objectType)} has ALL, ${allowed.join(", ")}.`;
    failures.push({ property: "privileges", reason });
  }
  if (objectType === "schema" && (schema === undefined || schema === "")) {
    failures.push({ property: "schema", reason: "schema is missing: objectType schema needs its name." });
  }
  return failures;
}

/** Upstream's id: role, database, the schema of a schema, object type. */
function grantId({ role, database, schema, objectType }: Props): string {
  const parts = objectType === "database" ? [role, database] : [role, database, schema ?? ""];
  return [...parts, objectType].map(String).join("_");
}

/** The database to connect to: privileges on a database can be changed from any. */
function place({ objectType, database }: Props): string | undefined {
  return objectType === "schema" ? String(database) : undefined;
}

function target({ objectType, database, schema }: Props): string {
  return objectType === "schema"
    ? `SCHEMA ${escapeIdentifier(String(schema))}`
    : `DATABASE ${escapeIdentifier(String(database))}`;
}

function grantee({ role }: Props): string {
  return role === PUBLIC ? "PUBLIC" : escapeIdentifier(String(role));
}

async function apply(server: Server, planned: Props): Promise<void> {
  const wanted = strings(planned.privileges);
  const what = `${planned.objectType === "schema" ? `schema ${String(planned.schema)} of ` : ""}database ${String(planned.database)}`;
  const doing = `set the privileges of ${String(planned.role)} on the ${what}`;
  await explained(doing, server.address, () =>
    server.inTransaction(async (query) => {
      await lock(query, planned);
      // In one transaction, so nobody is ever without a privilege that stays.
      await asOwner(query, planned, async () => {
        await revoke(query, planned);
        if (wanted.length === 0) return;
        const option = planned.withGrantOption === true ? " WITH GRANT OPTION" : "";
        await query(`GRANT ${wanted.join(", ")} ON ${target(planned)} TO ${grantee(planned)}${option}`);
      });
      const live = await privilegesOf(query, planned);
      if (live && isGranted(planned, live)) return;
      // PostgreSQL only warns of privileges that somebody else granted.
      throw new Error(
        `Can't ${doing} on ${server.address}: wanted ${list(wanted)}, and it has ${list(live ?? [])} now. ` +
          `${server.config.username} may not be allowed to change what another role granted: connect as a superuser.`,
      );
    }, place(planned)),
  );
}

function list(privileges: readonly string[]): string {
  return privileges.length > 0 ? privileges.join(", ") : "none";
}

async function revoke(query: Query, values: Props): Promise<void> {
  await query(`REVOKE ALL PRIVILEGES ON ${target(values)} FROM ${grantee(values)}`);
}

/** Only what the owner does counts: what others revoke is warned of and left as it is. */
async function asOwner<T>(query: Query, values: Props, work: () => Promise<T>): Promise<T> {
  const [row] =
    values.objectType === "schema"
      ? await query("SELECT pg_get_userbyid(nspowner) AS owner FROM pg_namespace WHERE nspname = $1", [
          values.schema,
        ])
      : await query("SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1", [
          values.database,
        ]);
  const owner = row?.owner === "pg_database_owner" ? await databaseOwner(query) : row?.owner;
  return await asMemberOf(query, typeof owner === "string" ? [owner] : [], work);
}

/** The role that `pg_database_owner`, which nobody can join, stands for. */
async function databaseOwner(query: Query): Promise<unknown> {
  const rows = await query(
    "SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = current_database()",
  );
  return rows[0]?.owner;
}

/** Two changes of one object's privileges at a time would fail; upstream takes the same lock. */
async function lock(query: Query, { database }: Props): Promise<void> {
  await query("SELECT pg_advisory_xact_lock(oid::bigint) FROM pg_database WHERE datname = $1", [database]);
}

/** @returns undefined where role, database or schema is gone */
async function readPrivileges(server: Server, values: Props): Promise<string[] | undefined> {
  const exists = await server.withConnection((query) =>
    query("SELECT 1 FROM pg_database WHERE datname = $1", [values.database]),
  );
  if (exists.length === 0) return undefined;
  return await server.withConnection((query) => privilegesOf(query, values), place(values));
}

async function privilegesOf(query: Query, values: Props): Promise<string[] | undefined> {
  const grantee = await granteeId(query, values.role);
  if (grantee === undefined) return undefined;
  // An object that nobody ever granted anything on has PostgreSQL's default privileges, in which PUBLIC may connect.
  const rows: Row[] =
    values.objectType === "schema"
      ? await query(
          `SELECT ARRAY(SELECT privilege_type::text FROM aclexplode(COALESCE(nspacl, acldefault('n', nspowner)))
             WHERE grantee = $2) AS privileges FROM pg_namespace WHERE nspname = $1`,
          [values.schema, grantee],
        )
      : await query(
          `SELECT ARRAY(SELECT privilege_type::text FROM aclexplode(COALESCE(datacl, acldefault('d', datdba)))
             WHERE grantee = $2) AS privileges FROM pg_database WHERE datname = $1`,
          [values.database, grantee],
        );
  const [row] = rows;
  return row && (normalizedSet(strings(row.privileges)) ?? []);
}

async function granteeId(query: Query, role: unknown): Promise<number | undefined> {
  if (role === PUBLIC) return 0;
  const [row] = await query("SELECT oid::bigint AS oid FROM pg_roles WHERE rolname = $1", [role]);
  return row && Number(row.oid);
}

/** Whether the privileges found are those wanted; ALL stands for each. */
function isGranted(values: Props, live: readonly string[]): boolean {
  const wanted = strings(values.privileges);
  const all = PRIVILEGES[String(values.objectType)] ?? [];
  const expected = wanted.includes("ALL") ? all : wanted;
  return expected.length === live.length && expected.every((privilege) => live.includes(privilege));
}
