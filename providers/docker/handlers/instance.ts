import { changedPaths } from "../../kit/values";
import { PartialFailure, type Context, type Props, type ResourceHandler } from "../../kit/types";
import { settle, type Settled } from "../../local/instance/settle";
import { messageOf } from "../../local/support/files";
import { bringUp, stoppedOf } from "../running";
import { failuresOf, hasUnknown, isPort, isText, placeOf } from "./context";
import { START_LIMIT_MS } from "./service";

interface InstanceInputs extends Settled {
  /** The one that is set up; it may have just started. */
  container: string;
}

function inputsOf(props: Props): InstanceInputs {
  return props as unknown as InstanceInputs;
}

async function apply(news: Props, olds: Props | undefined, context: Context): Promise<Props> {
  const inputs = inputsOf(news);
  const { daemon } = placeOf(context);
  const wait = { timeoutMs: START_LIMIT_MS, signal: context.signal };
  try {
    await bringUp(daemon, [inputs.container], wait);
    await settle(inputs, olds && inputsOf(olds), context);
    // Switching a plugin on reloads the app: done is what is healthy again.
    await bringUp(daemon, [inputs.container], wait);
  } catch (error) {
    throw new PartialFailure(messageOf(error), inputs.name, { ...news, running: false });
  }
  return { ...news, running: true };
}

/** `nocobase-docker:index:Instance`: what is set up inside a NocoBase, over its API. */
export const instance: ResourceHandler = {
  secretOutputs: ["rootPassword"],

  check(news) {
    return { inputs: news, failures: failuresOf(news, { name: isText, host: isText, port: isPort }) };
  },

  async diff(_id, olds, news, context, oldInputs) {
    const changes = changedPaths(oldInputs, news).map((path) => ({ path }));
    if (changes.length > 0 || hasUnknown(news)) return { changes };
    const stopped = await stoppedOf(placeOf(context).daemon, [inputsOf(news).container]);
    const whole = stopped.length === 0 && olds.running === true;
    return { changes: whole ? [] : [{ path: "running", inputDiff: false }] };
  },

  async create(inputs, context) {
    return { id: inputsOf(inputs).name, outputs: await apply(inputs, undefined, context) };
  },

  update(_id, olds, news, context) {
    return apply(news, olds, context);
  },
};
