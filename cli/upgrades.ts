/** Before an app is started with another release of NocoBase, which changes its database for good. */
import type { StackPlan } from "../plan/types";
import { backUpApp, type FilesInputs } from "../providers/docker/handlers/app-files";
import { daemonOf } from "../toolchain/plugins/docker/daemon";
import { PROJECT } from "../toolchain/project";
import { UserError } from "./exit-codes";
import { plain, type StateResource } from "./pending";

const FILES = "nocobase-docker:index:AppFiles";

/** Apps, environments and the entry app whose release the plan changes, as they are in the state. */
export function upgraded(plan: StackPlan, resources: readonly StateResource[]): FilesInputs[] {
  const instances = [
    ...(plan.platformStack === undefined ? [plan.entry] : []),
    ...Object.values(plan.environments),
  ];
  const apps = Object.values(plan.apps).map(({ name, release }) => ({ name: `app-${name}`, release }));
  const releases = new Map([...instances, ...apps].map(({ name, release }) => [name, release]));
  return resources
    .filter(({ type }) => type === FILES)
    .map(({ inputs }) => plain(inputs) as FilesInputs)
    .filter(({ name, release }) => (releases.get(name) ?? release) !== release);
}

/**
 * Takes a verified backup of everything that the update will start with another release, and says where.
 *
 * @throws UserError where one fails; nothing was changed then
 */
export async function backUpBeforeUpgrade(
  plan: StackPlan,
  resources: readonly StateResource[],
  say: (line: string) => void,
): Promise<void> {
  for (const inputs of upgraded(plan, resources)) {
    const { key, release } = inputs;
    say(`${key} is to leave NocoBase ${release}: taking a backup first.`);
    try {
      const folder = await backUpApp(inputs, {
        daemon: daemonOf({}),
        stack: `${PROJECT}/${plan.stack}`,
        signal: new AbortController().signal,
        status: () => undefined,
      });
      say(`  Backup of ${key}: ${folder}`);
    } catch (error) {
      throw new UserError(
        `nothing was changed, since the backup of ${key} failed: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}
