import { escapeIdentifier } from "./pg";
import type { Query } from "./server";

/**
 * Runs work as a member of roles, so an administrator who is no superuser can work on what they own: joins them
 * before and leaves them after. A superuser needs nothing of it.
 */
export async function asMemberOf<T>(
  query: Query,
  roles: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const joined: string[] = [];
  for (const role of new Set(roles)) {
    if (await hasPrivilegesOf(query, role)) continue;
    await query(`GRANT ${escapeIdentifier(role)} TO CURRENT_USER`);
    joined.push(role);
  }
  const result = await work();
  for (const role of joined) {
    const [still] = await query("SELECT 1 FROM pg_roles WHERE rolname = $1", [role]);
    if (still) await query(`REVOKE ${escapeIdentifier(role)} FROM CURRENT_USER`);
  }
  return result;
}

/**
 * Outside of a transaction a failure would leave the membership: then it is ended before the error goes on.
 */
export async function asMemberOfEach<T>(
  query: Query,
  roles: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  let fault: { error: unknown } | undefined;
  const result = await asMemberOf(query, roles, async () => {
    try {
      return await work();
    } catch (error) {
      fault = { error };
      return undefined;
    }
  });
  if (fault) throw fault.error;
  return result as T;
}

/** Whether the current user can use the role's privileges, and become it where PostgreSQL 16 and later ask for it. */
async function hasPrivilegesOf(query: Query, role: string): Promise<boolean> {
  const [found] = await query(
    `SELECT pg_has_role(current_user, $1, 'USAGE') AS usable,
       current_setting('server_version_num')::int >= 160000 AS has_set_option`,
    [role],
  );
  if (found?.usable !== true) return false;
  if (found.has_set_option !== true) return true;
  const [able] = await query("SELECT pg_has_role(current_user, $1, 'SET') AS able", [role]);
  return able?.able === true;
}
