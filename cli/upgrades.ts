/** Before an app is started with another release of NocoBase, which changes its database for good. */
import type { StackPlan } from "../plan/types";
import { backUpApp, type FilesInputs as DockerFiles } from "../providers/docker/handlers/app-files";
import type { FilesInputs as KubernetesFiles } from "../providers/kubernetes/handlers/app-files";
import { daemonOf } from "../toolchain/plugins/docker/daemon";
import { PROJECT } from "../toolchain/project";
import { UserError } from "./exit-codes";
import { plain, type StateResource } from "./pending";

type KubernetesHandler = typeof import("../providers/kubernetes/handlers/app-files");

/** What all platforms' AppFiles have. */
interface Files {
  key: string;
  /** Of the app, environment or entry app: `app-crm`. */
  name: string;
  /** NocoBase version. */
  release: string;
}

/** An app's files in the state, and what takes a backup of it: its place, for people. */
interface Upgrade extends Files {
  readonly backUp: (stack: string) => Promise<string>;
}

const upgrades: Readonly<Record<string, (inputs: unknown) => Upgrade>> = {
  "nocobase-docker:index:AppFiles": (inputs) => {
    const files = inputs as DockerFiles;
    const backUp = (stack: string) =>
      backUpApp(files, {
        ...{ daemon: daemonOf({}), stack: `${PROJECT}/${stack}`, signal: new AbortController().signal },
        status: () => undefined,
      });
    return { ...files, backUp };
  },
  "nocobase-kubernetes:index:AppFiles": (inputs) => {
    const files = inputs as KubernetesFiles;
    const backUp = () => {
      // Its client takes time to load, which other platforms needn't pay.
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- tsx hooks require(), not import(), in CommonJS
      const handler = require("../providers/kubernetes/handlers/app-files") as KubernetesHandler;
      return handler.backUpDatabase(files, new AbortController().signal);
    };
    return { ...files, backUp };
  },
};

/** Apps, environments and the entry app whose release the plan changes, as they are in the state. */
export function upgraded(plan: StackPlan, resources: readonly StateResource[]): Upgrade[] {
  const instances = [
    ...(plan.platformStack === undefined ? [plan.entry] : []),
    ...Object.values(plan.environments),
  ];
  const apps = Object.values(plan.apps).map(({ name, release }) => ({ name: `app-${name}`, release }));
  const releases = new Map([...instances, ...apps].map(({ name, release }) => [name, release]));
  return resources
    .flatMap(({ type, inputs }) => upgrades[type]?.(plain(inputs)) ?? [])
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
  for (const { key, release, backUp } of upgraded(plan, resources)) {
    say(`${key} is to leave NocoBase ${release}: taking a backup first.`);
    try {
      say(`  Backup of ${key}: ${await backUp(plan.stack)}`);
    } catch (error) {
      throw new UserError(
        `nothing was changed, since the backup of ${key} failed: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}
