import type { Props } from "../../../providers/kit/types";
import { normalizedSet } from "../bridge/state";
import { matches, isVerifier } from "./scram";
import type { Query, Row, Server } from "./server";

const COLUMNS = `rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit, rolreplication,
  rolbypassrls, COALESCE(rolvaliduntil::text, 'infinity') AS rolvaliduntil, COALESCE(rolconfig, '{}') AS rolconfig,
  ARRAY(SELECT pg_get_userbyid(roleid)::text FROM pg_auth_members WHERE member = pg_roles.oid) AS member_of`;

/**
 * What the server knows of a role, by attribute.
 * @param state what it does not know (or not say) is taken from there
 * @returns undefined where there is no such role
 */
export async function readRole(
  query: Query,
  server: Server,
  name: string,
  state: Props,
): Promise<Props | undefined> {
  const [row] = await query(`SELECT ${COLUMNS} FROM pg_roles WHERE rolname = $1`, [name]);
  if (!row) return undefined;
  const settings = row.rolconfig as string[];
  const timeout = (setting: string) => Number.parseInt(settingOf(settings, setting) ?? "0", 10) || 0;
  return {
    id: name,
    name: row.rolname,
    password: await readPassword(query, server, row, state),
    passwordWo: null,
    passwordWoVersion: state.passwordWoVersion ?? null,
    encrypted: state.encrypted ?? null,
    encryptedPassword: true,
    roles: normalizedSet(row.member_of as string[]) ?? [],
    searchPaths: searchPaths(settings),
    validUntil: row.rolvaliduntil,
    connectionLimit: row.rolconnlimit,
    superuser: row.rolsuper,
    createDatabase: row.rolcreatedb,
    createRole: row.rolcreaterole,
    inherit: row.rolinherit,
    login: row.rolcanlogin,
    replication: row.rolreplication,
    bypassRowLevelSecurity: row.rolbypassrls,
    skipDropRole: state.skipDropRole === true,
    skipReassignOwned: state.skipReassignOwned === true,
    statementTimeout: timeout("statement_timeout"),
    idleInTransactionSessionTimeout: timeout("idle_in_transaction_session_timeout"),
    assumeRole: settingOf(settings, "role") ?? "",
  };
}

/** A setting of `rolconfig`, whose items look like `statement_timeout=100`. */
function settingOf(settings: readonly string[], name: string): string | undefined {
  return settings.find((setting) => setting.startsWith(`${name}=`))?.slice(name.length + 1);
}

function searchPaths(settings: readonly string[]): string[] {
  const value = settingOf(settings, "search_path");
  return value === undefined ? [] : value.split(", ").map((path) => path.replace(/^"|"$/g, ""));
}

/**
 * The state's password while it is still the role's, else what the server keeps instead: then the next update sets
 * it again. Only a superuser can look; `superuser: false` says that the state is to be believed.
 */
async function readPassword(query: Query, server: Server, row: Row, state: Props): Promise<unknown> {
  const { password } = state;
  if (typeof password !== "string" || password === "") return password ?? null;
  if (row.rolcanlogin !== true || !server.config.superuser) return password;
  const [user] = await query("SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
  if (user?.rolsuper !== true) {
    throw new Error(
      `${server.config.username} is no superuser on ${server.address}, so it can't tell whether the password of ` +
        `${String(row.rolname)} is still the same. Set superuser to false in the provider's configuration.`,
    );
  }
  const [shadow] = await query("SELECT COALESCE(passwd, '') AS passwd FROM pg_shadow WHERE usename = $1", [
    row.rolname,
  ]);
  const stored = typeof shadow?.passwd === "string" ? shadow.passwd : "";
  if (isVerifier(password)) return stored;
  const same = stored === "" ? false : matches(stored, password, String(row.rolname));
  return same === false ? stored : password;
}
