import * as fs from "node:fs";
import * as path from "node:path";
import { shortHash } from "../../toolchain/locations";
import { listFolder } from "./support/files";
import { canEnter, databaseOsUser } from "./support/os-user";

/** Where root keeps stacks of projects that lie in a folder closed to PostgreSQL's user, such as /root. */
const SYSTEM_FOLDER = "/var/lib/nocobase-fleet";

/** Folders of the other stacks of a stack's project. @param root this stack's, of {@link fleetRoot} */
export function neighbourRoots(root: string): string[] {
  const beside = path.dirname(root);
  const isProjects = path.basename(beside) === ".fleet" || path.dirname(beside) === SYSTEM_FOLDER;
  if (!isProjects) return [];
  return listFolder(beside)
    .map((stack) => path.join(beside, stack))
    .filter((other) => other !== root && fs.statSync(other, { throwIfNoEntry: false })?.isDirectory());
}

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
