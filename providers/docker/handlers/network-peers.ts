import { changedPaths } from "../../kit/values";
import type { Context, Props, ResourceHandler } from "../../kit/types";
import { connectPeers, disconnectPeers, missingPeers } from "../peers";
import { failuresOf, hasUnknown, isText, placeOf } from "./context";

interface NetworkPeersInputs {
  network: string;
  peers: string[];
}

function inputsOf(props: Props): NetworkPeersInputs {
  return props as unknown as NetworkPeersInputs;
}

async function apply(news: Props, context: Context): Promise<Props> {
  const { network, peers } = inputsOf(news);
  await connectPeers(placeOf(context).daemon, network, peers);
  return { ...news };
}

/** `nocobase-docker:index:NetworkPeers`. Its diff looks at the daemon: a peer that was made anew is off the network. */
export const networkPeers: ResourceHandler = {
  check(news) {
    return { inputs: news, failures: failuresOf(news, { network: isText }) };
  },

  async diff(_id, _olds, news, context, oldInputs) {
    const changes = changedPaths(oldInputs, news).map((path) => ({ path, replace: path === "network" }));
    if (changes.length > 0 || hasUnknown(news)) return { changes, deleteBeforeReplace: true };
    const { network, peers } = inputsOf(news);
    const missing = await missingPeers(placeOf(context).daemon, network, peers);
    return { changes: missing.length > 0 ? [{ path: "peers", inputDiff: false }] : [] };
  },

  async create(inputs, context) {
    return { id: inputsOf(inputs).network, outputs: await apply(inputs, context) };
  },

  async update(_id, olds, news, context) {
    const gone = inputsOf(olds).peers.filter((peer) => !inputsOf(news).peers.includes(peer));
    await disconnectPeers(placeOf(context).daemon, inputsOf(olds).network, gone);
    return await apply(news, context);
  },

  async delete(_id, outputs, context) {
    const { network, peers } = inputsOf(outputs);
    await disconnectPeers(placeOf(context).daemon, network, peers);
  },
};
