import { changedPaths } from "../../kit/values";
import { PartialFailure, type Context, type Props, type ResourceHandler } from "../../kit/types";
import { failuresOf, isText } from "../../local/handlers/context";
import { settle, type Settled } from "../../local/instance/settle";
import { messageOf } from "../../local/support/files";
import { until } from "../../nocobase/client";
import { send } from "../../nocobase/client/http";
import type { InstanceAddress } from "../instance-pods";
import { tunnelTo } from "../tunnel";

/** Its Deployment is ready: what remains is a reload or the connection. */
const ANSWER_LIMIT_MS = 180_000;
const POLL_MS = 500;

interface InstanceInputs extends Omit<Settled, "host" | "port"> {
  address: InstanceAddress;
}

function inputsOf(props: Props): InstanceInputs {
  return props as unknown as InstanceInputs;
}

async function apply(news: Props, olds: Props | undefined, context: Context): Promise<Props> {
  const inputs = inputsOf(news);
  const reached = new URL(await tunnelTo(inputs.address));
  const place = { host: reached.hostname, port: Number(reached.port) };
  try {
    await untilHealthy(inputs, reached.origin, context);
    await settle({ ...inputs, ...place }, olds && { ...inputsOf(olds), ...place }, context);
    // Switching a plugin on reloads the app: done is what is healthy again.
    await untilHealthy(inputs, reached.origin, context);
  } catch (error) {
    throw new PartialFailure(messageOf(error), inputs.name, { ...news, settled: false });
  }
  return { ...news, settled: true };
}

async function untilHealthy({ name, address }: InstanceInputs, url: string, context: Context): Promise<void> {
  const { signal } = context;
  context.status(`waiting until ${name} answers through the API server`);
  let last = "";
  const look = async () => {
    const reply = await send(url, "/api/__health_check", { signal, timeoutMs: 10_000 }).catch(
      (error: unknown) => void (last = messageOf(error)),
    );
    return reply?.status === 200 ? true : undefined;
  };
  if (await until(look, { everyMs: POLL_MS, limitMs: ANSWER_LIMIT_MS, signal })) return;
  throw new Error(`${name} in namespace ${address.namespace} doesn't answer: ${last}`);
}

/** `nocobase-kubernetes:index:Instance`: what is set up inside a NocoBase that hosts apps, over its API. */
export const instance: ResourceHandler = {
  secretOutputs: ["rootPassword"],

  check(news) {
    return { inputs: news, failures: failuresOf(news, { name: isText, key: isText }) };
  },

  diff(_id, olds, news, _context, oldInputs) {
    const changes = changedPaths(oldInputs, news).map((path) => ({ path }));
    if (changes.length > 0 || olds.settled === true) return { changes };
    return { changes: [{ path: "settled", inputDiff: false }] };
  },

  async create(inputs, context) {
    return { id: inputsOf(inputs).name, outputs: await apply(inputs, undefined, context) };
  },

  update(_id, olds, news, context) {
    return apply(news, olds, context);
  },
};
