import type { Props, ResourceHandler } from "../../kit/types";
import { changedPaths } from "../../kit/values";
import type { Progress } from "../../../toolchain/progress";
import { ensureRelease, isReleaseInstalled, knownReleases } from "../release";
import { failuresOf, hasUnknown } from "./context";

async function install(inputs: Props, status: (message: string) => void): Promise<Props> {
  const version = String(inputs.version);
  const progress: Progress = {
    start: (title) => ({
      step: (message) => status(`${title}: ${message}`),
      done: () => undefined,
      failed: () => undefined,
    }),
  };
  await ensureRelease(version, { progress });
  return { version, installed: true };
}

/** `nocobase-local:index:Release`. Deleting it leaves the cache: other stacks may use it. */
export const release: ResourceHandler = {
  check(news) {
    const known = knownReleases();
    const rule = (value: unknown): string | undefined =>
      known.includes(String(value))
        ? undefined
        : `no lockfile for NocoBase ${String(value)}; known: ${known.join(", ")} (providers/local/releases)`;
    return { inputs: news, failures: failuresOf(news, { version: rule }) };
  },

  diff(_id, _olds, news, _context, oldInputs) {
    const changes = changedPaths(oldInputs, news).map((path) => ({ path }));
    if (changes.length === 0 && !hasUnknown(news) && !isReleaseInstalled(String(news.version))) {
      return { changes: [{ path: "installed", inputDiff: false }] };
    }
    return { changes };
  },

  async create(inputs, context) {
    return {
      id: String(inputs.version),
      outputs: await install(inputs, (message) => context.status(message)),
    };
  },

  update(_id, _olds, news, context) {
    return install(news, (message) => context.status(message));
  },

  read(id, outputs, _context, inputs) {
    return Promise.resolve({
      id,
      outputs: { ...outputs, installed: isReleaseInstalled(String(outputs.version)) },
      inputs,
    });
  },
};
