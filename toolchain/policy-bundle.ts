/** The project's policies as one file, which starts in a third of the time that their sources need under tsx. */
import * as fs from "node:fs";
import * as path from "node:path";
import { isCurrent, makeExecutable } from "./executable";
import { shortHash } from "./locations";
import { withLock } from "./lock";

const NAME = "policies";

/** Environment variable that tells `policies/pack.cjs` of the bundle; without it the sources are run. */
export const POLICY_BUNDLE_VARIABLE = "NOCOBASE_FLEET_POLICY_BUNDLE";

/**
 * Bundles the policies of a project where they changed; undefined for a project without any.
 *
 * @returns file to start
 * @throws Error where they can't be bundled or don't start
 */
export async function ensurePolicyBundle(projectDir: string, cache: string): Promise<string | undefined> {
  const pack = path.join(projectDir, "policies");
  const entry = path.join(pack, "pack.ts");
  if (!fs.existsSync(entry)) return undefined;
  // Of each checkout its own, so that two don't take turns in making it.
  const folder = path.join(cache, NAME, shortHash(projectDir));
  const file = path.join(folder, `${NAME}.cjs`);
  const note = path.join(folder, `${NAME}.json`);
  const isThere = () => fs.existsSync(file) && isCurrent(note, projectDir);
  if (isThere()) return file;
  fs.mkdirSync(folder, { recursive: true });
  await withLock(`${file}.lock`, async () => {
    if (isThere()) return;
    if (!fs.existsSync(file)) fs.rmSync(note, { force: true });
    const install = (made: string) => fs.promises.rename(made, file);
    // The SDK reads the pack's version from package.json in the working folder.
    await makeExecutable(entry, NAME, projectDir, note, install, { cwd: pack });
  });
  return file;
}
