import * as fs from "node:fs";
import * as path from "node:path";
import { shortHash } from "../../toolchain/locations";
import { canEnter, databaseOsUser } from "./support/os-user";

/** Where root keeps stacks of projects that lie in a folder closed to PostgreSQL's user, such as /root. */
const SYSTEM_FOLDER = "/var/lib/nocobase-fleet";

/**
 * Folder of a stack's processes, data and logs: `<project>/.fleet/<stack>`. For root it is
 * `/var/lib/nocobase-fleet/<hash of the project folder>/<stack>` where PostgreSQL's OS user can't pass through the
 * project folder. A folder already in use stays the answer, whatever the modes of its parents are now.
 */
export function fleetRoot(projectDir: string, stack: string): string {
  const project = fs.realpathSync(projectDir);
  const own = path.join(project, ".fleet", stack);
  const system = path.join(SYSTEM_FOLDER, shortHash(project), stack);
  if (fs.existsSync(own)) return own;
  if (fs.existsSync(system)) return system;
  const user = databaseOsUser();
  return user && !canEnter(user, project) ? system : own;
}
