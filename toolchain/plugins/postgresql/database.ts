/** `Database`: a database on the server. */
import { escapeIdentifier, escapeLiteral } from "./pg";
import { UNKNOWN, type Props, type ResourceHandler } from "../../../providers/kit/types";
import { checkInputs } from "../bridge/check";
import { diffResource, plannedOutputs, same } from "../bridge/diff";
import { inputsFromOutputs, writePreview, writeState } from "../bridge/state";
import { REMEDY } from "./config";
import { existsError, explained, faultOf } from "./errors";
import { asMemberOfEach } from "./membership";
import { serverOf, type Query, type Server } from "./server";
import { DATABASE } from "./specs";

/** DROP DATABASE … WITH (FORCE) came with this version. */
const FORCED_DROP_VERSION = 13;

export const database: ResourceHandler = {
  check: (news, olds, { name }) => checkInputs(news, olds, { spec: DATABASE, remedy: REMEDY, name }),

  diff: (_id, olds, news) => diffResource(DATABASE, olds, news),

  preview: (inputs, _context, olds) => writePreview(DATABASE, plannedOutputs(DATABASE, inputs, olds), olds),

  async create(inputs, { config, signal }) {
    const server = serverOf(config);
    const planned = plannedOutputs(DATABASE, inputs);
    const name = String(planned.name);
    signal.throwIfAborted();
    await explained(`create the database ${name}`, server.address, () =>
      server.withConnection((query) => createDatabase(query, server, planned)),
    );
    return { id: name, outputs: await stateAfter(server, planned) };
  },

  async read(id, outputs, { config }, inputs) {
    const server = serverOf(config);
    const isImport = Object.keys(outputs).length === 0;
    const name = typeof outputs.id === "string" ? outputs.id : id;
    const values = await explained(`read the database ${name}`, server.address, () =>
      server.withConnection((query) => readDatabase(query, name, outputs)),
    );
    if (!values) return { id: undefined, outputs: {}, inputs: {} };
    return {
      id: name,
      outputs: writeState(DATABASE, values),
      inputs: inputsFromOutputs(DATABASE, values, isImport ? undefined : inputs),
    };
  },

  async update(_id, olds, news, { config }) {
    const server = serverOf(config);
    const planned = plannedOutputs(DATABASE, news, olds);
    await explained(`change the database ${String(planned.name)}`, server.address, () =>
      server.withConnection((query) => alterDatabase(query, olds, planned)),
    );
    return await stateAfter(server, planned);
  },

  async delete(_id, outputs, { config }) {
    const server = serverOf(config);
    const name = String(outputs.name);
    await explained(`drop the database ${name}`, server.address, () =>
      server.withConnection((query) => dropDatabase(query, server, name)),
    );
  },
};

/** A planned value that the program or the state gave. */
function known(planned: Props, key: string): string | undefined {
  const value = planned[key];
  return typeof value === "string" && value !== "" && value !== UNKNOWN ? value : undefined;
}

async function createDatabase(query: Query, server: Server, planned: Props): Promise<void> {
  const name = String(planned.name);
  const owner = known(planned, "owner") ?? server.config.databaseUsername;
  const isDefault = (value: string) => value.toUpperCase() === "DEFAULT";
  const identifier = (value: string) => (isDefault(value) ? "DEFAULT" : escapeIdentifier(value));
  const literal = (value: string) => (isDefault(value) ? "DEFAULT" : escapeLiteral(value));
  const optional = (words: string, value: string | undefined, quote: (value: string) => string) =>
    value === undefined ? [] : [`${words} ${quote(value)}`];
  const options = [
    `OWNER ${escapeIdentifier(owner)}`,
    `TEMPLATE ${identifier(known(planned, "template") ?? "template0")}`,
    `ENCODING ${literal(known(planned, "encoding") ?? "UTF8")}`,
    ...optional("LC_COLLATE", known(planned, "lcCollate"), literal),
    ...optional("LC_CTYPE", known(planned, "lcCtype"), literal),
    ...optional("TABLESPACE", known(planned, "tablespaceName"), identifier),
    `ALLOW_CONNECTIONS ${planned.allowConnections === true}`,
    `CONNECTION LIMIT ${Number(planned.connectionLimit)}`,
    `IS_TEMPLATE ${planned.isTemplate === true}`,
  ];
  await asMemberOfEach(query, [owner], async () => {
    try {
      await query(`CREATE DATABASE ${escapeIdentifier(name)} ${options.join(" ")}`);
    } catch (error) {
      const exists = faultOf(error).code === "42P04";
      throw exists ? existsError("database", name, server.address, DATABASE.token) : error;
    }
  });
}

async function readDatabase(query: Query, name: string, state: Props): Promise<Props | undefined> {
  const [row] = await query(
    `SELECT datname, pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding, datcollate, datctype,
       spcname, datconnlimit, datallowconn, datistemplate
     FROM pg_database JOIN pg_tablespace ON dattablespace = pg_tablespace.oid WHERE datname = $1`,
    [name],
  );
  if (!row) return undefined;
  return {
    id: name,
    name: row.datname,
    owner: row.owner,
    // The server does not keep what a database was copied from.
    template: known(state, "template") ?? "template0",
    encoding: row.encoding,
    lcCollate: row.datcollate,
    lcCtype: row.datctype,
    tablespaceName: row.spcname,
    connectionLimit: row.datconnlimit,
    allowConnections: row.datallowconn,
    isTemplate: row.datistemplate,
    alterObjectOwnership: state.alterObjectOwnership ?? null,
  };
}

async function stateAfter(server: Server, planned: Props): Promise<Props> {
  const name = String(planned.name);
  const live = await server.withConnection((query) => readDatabase(query, name, planned));
  if (!live) throw new Error(`The database ${name} is gone from ${server.address} right after it was made.`);
  return writeState(DATABASE, live);
}

async function alterDatabase(query: Query, olds: Props, planned: Props): Promise<void> {
  const changed = (key: string) => !same(olds[key], planned[key]);
  const name = escapeIdentifier(String(planned.name));
  const owner = changed("owner") ? known(planned, "owner") : undefined;
  const [present] = await query(
    "SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1",
    [olds.name],
  );
  const owners = [present?.owner, owner].filter((role) => typeof role === "string");
  await asMemberOfEach(query, owners, async () => {
    if (changed("name")) {
      await query(`ALTER DATABASE ${escapeIdentifier(String(olds.name))} RENAME TO ${name}`);
    }
    if (owner !== undefined) await query(`ALTER DATABASE ${name} OWNER TO ${escapeIdentifier(owner)}`);
    if (changed("tablespaceName")) {
      const tablespace = known(planned, "tablespaceName") ?? "pg_default";
      await query(`ALTER DATABASE ${name} SET TABLESPACE ${escapeIdentifier(tablespace)}`);
    }
    if (changed("connectionLimit")) {
      await query(`ALTER DATABASE ${name} CONNECTION LIMIT ${Number(planned.connectionLimit)}`);
    }
    if (changed("allowConnections")) {
      await query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS ${planned.allowConnections === true}`);
    }
    if (changed("isTemplate")) {
      await query(`ALTER DATABASE ${name} IS_TEMPLATE ${planned.isTemplate === true}`);
    }
  });
}

async function dropDatabase(query: Query, server: Server, name: string): Promise<void> {
  const [found] = await query(
    "SELECT pg_get_userbyid(datdba) AS owner, datistemplate FROM pg_database WHERE datname = $1",
    [name],
  );
  if (!found) return;
  const quoted = escapeIdentifier(name);
  const forced = (await server.version(query)) >= FORCED_DROP_VERSION ? " WITH (FORCE)" : "";
  await asMemberOfEach(query, [String(found.owner)], async () => {
    if (found.datistemplate === true) await query(`ALTER DATABASE ${quoted} IS_TEMPLATE false`);
    await query(`ALTER DATABASE ${quoted} ALLOW_CONNECTIONS false`);
    await query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
      [name],
    );
    await query(`DROP DATABASE ${quoted}${forced}`);
  });
}
