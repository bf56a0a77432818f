import { changedPaths } from "../../kit/values";
import type { Context, Props, ResourceHandler } from "../../kit/types";
import { absencesOf, rejoin } from "../peers";
import { bringUp, stoppedOf } from "../running";
import { failuresOf, hasUnknown, isText, placeOf } from "./context";

/** A first start on a busy machine takes half a minute, an upgrade to another release longer. */
export const START_LIMIT_MS = 5 * 60_000;

interface ServiceInputs {
  name: string;
  containers: string[];
}

function inputsOf(props: Props): ServiceInputs {
  return props as unknown as ServiceInputs;
}

async function apply(news: Props, { config, urn, signal }: Context): Promise<Props> {
  const { daemon } = placeOf({ config, urn });
  const { containers } = inputsOf(news);
  await rejoin(daemon, containers);
  await bringUp(daemon, containers, { timeoutMs: START_LIMIT_MS, signal });
  return { ...news, running: true };
}

/**
 * `nocobase-docker:index:Service`: keeps the containers of a part running, and on the networks of tenants that need
 * them. An unchanged plan starts none that was stopped, since nobody looks at the daemon; this one's diff does.
 */
export const service: ResourceHandler = {
  check(news) {
    return { inputs: news, failures: failuresOf(news, { name: isText }) };
  },

  async diff(_id, _olds, news, context, oldInputs) {
    const changes = changedPaths(oldInputs, news).map((path) => ({ path }));
    if (changes.length > 0 || hasUnknown(news)) return { changes };
    const { daemon } = placeOf(context);
    const { containers } = inputsOf(news);
    const stopped = await stoppedOf(daemon, containers);
    const absent = await absencesOf(daemon, containers);
    return {
      changes: stopped.length + absent.length > 0 ? [{ path: "running", inputDiff: false }] : [],
    };
  },

  async create(inputs, context) {
    return { id: inputsOf(inputs).name, outputs: await apply(inputs, context) };
  },

  update(_id, _olds, news, context) {
    return apply(news, context);
  },
};
