/** The OS user that runs PostgreSQL, which refuses to run as root. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";

export interface OsUser {
  name: string;
  uid: number;
  gid: number;
}

/** An entry of /etc/passwd, or undefined. */
export function findOsUser(name: string): OsUser | undefined {
  for (const line of fs.readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user === name && uid !== undefined && gid !== undefined)
      return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** `postgres`, else `nobody`, for root; undefined for an ordinary user, who runs it under the own name. */
export function databaseOsUser(): OsUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const user = findOsUser("postgres") ?? findOsUser("nobody");
  if (!user) {
    throw new Error(
      "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor `nobody` to run it as. " +
        "Make one (useradd --system postgres) or run fleet as an ordinary user.",
    );
  }
  return user;
}

/** Whether this OS user can pass through a folder and all its parents. */
export function canEnter(user: OsUser, folder: string): boolean {
  const { uid, gid } = user;
  return (
    spawnSync("test", ["-x", folder], { uid, gid, cwd: "/", env: { PATH: "/usr/bin:/bin" } }).status === 0
  );
}
