/** `Network`. */
import { setTimeout as sleep } from "node:timers/promises";
import type { NetworkInspectInfo } from "dockerode";
import type { Context, Props, ResourceHandler } from "../../../providers/kit/types";
import { checkInputs } from "../bridge/check";
import { diffResource, plannedOutputs } from "../bridge/diff";
import { assertSchemaVersion, inputsFromOutputs, writePreview, writeState } from "../bridge/state";
import { REMEDY } from "./config";
import {
  daemonOf,
  existsError,
  explained,
  found,
  isLeftover,
  labelList,
  labelsOf,
  refusalOf,
} from "./daemon";
import type { Daemon } from "./daemon";
import { NETWORK } from "./specs";
import { knownFlag, knownMap, knownObjects, knownText, settled } from "./state";

/** As long as upstream waits until no container is attached any more. */
const REMOVE_LIMIT_MS = 30_000;
const POLL_MS = 250;

export const network: ResourceHandler = {
  check: (news, olds, { name }) => checkInputs(news, olds, { spec: NETWORK, remedy: REMEDY, name }),

  diff(_id, olds, news) {
    assertSchemaVersion(NETWORK, olds);
    return diffResource(NETWORK, olds, news);
  },

  preview: (inputs, _context, olds) => writePreview(NETWORK, plannedOutputs(NETWORK, inputs, olds), olds),

  async create(inputs, { config }) {
    const daemon = daemonOf(config);
    const planned = plannedOutputs(NETWORK, inputs);
    return await explained(`create the network ${String(planned.name)}`, daemon, async () => {
      const id = await createNetwork(daemon, planned);
      const live = liveNetwork(await inspect(daemon, id));
      return { id, outputs: writeState(NETWORK, settled(NETWORK, planned, live)) };
    });
  },

  async read(id, outputs, { config }, inputs) {
    const daemon = daemonOf(config);
    const isImport = Object.keys(outputs).length === 0;
    if (!isImport) assertSchemaVersion(NETWORK, outputs);
    const info = await explained(`read the network ${id}`, daemon, () => found(() => inspect(daemon, id)));
    if (!info) return { id: undefined, outputs: {}, inputs: {} };
    const values = settled(NETWORK, outputs, liveNetwork(info));
    return {
      id: info.Id,
      outputs: writeState(NETWORK, values),
      inputs: inputsFromOutputs(NETWORK, values, isImport ? undefined : inputs),
    };
  },

  // Every change needs a new network; only a value that means the same can come here.
  update: (_id, olds, news) =>
    Promise.resolve(writeState(NETWORK, { ...plannedOutputs(NETWORK, news, olds), id: olds.id })),

  async delete(id, outputs, context) {
    const daemon = daemonOf(context.config);
    const name = String(outputs.name);
    await explained(`remove the network ${name}`, daemon, () => removeNetwork(daemon, id, name, context));
  },
};

async function inspect(daemon: Daemon, id: string): Promise<NetworkInspectInfo> {
  return await daemon.docker.getNetwork(id).inspect();
}

async function createNetwork(daemon: Daemon, planned: Props): Promise<string> {
  const name = String(planned.name);
  // Older daemons let two networks have one name.
  const listed = await daemon.docker.listNetworks({ filters: { name: [name] } });
  const present = listed.find((other) => other.Name === name);
  if (present) {
    if (isLeftover(present.Labels ?? null, planned.labels)) return present.Id;
    throw existsError("network", name, daemon, NETWORK.token, present.Id);
  }
  const ipam = knownObjects(planned, "ipamConfigs");
  const created = await daemon.docker.createNetwork({
    Name: name,
    CheckDuplicate: true,
    Driver: knownText(planned, "driver"),
    Internal: knownFlag(planned, "internal"),
    Attachable: knownFlag(planned, "attachable"),
    EnableIPv6: knownFlag(planned, "ipv6"),
    Options: knownMap(planned, "options"),
    Labels: labelsOf(planned.labels),
    IPAM: {
      Driver: knownText(planned, "ipamDriver") ?? "default",
      Options: knownMap(planned, "ipamOptions"),
      Config: ipam.map((range) => ({
        Subnet: knownText(range, "subnet"),
        IPRange: knownText(range, "ipRange"),
        Gateway: knownText(range, "gateway"),
        AuxiliaryAddresses: knownMap(range, "auxAddress"),
      })),
    },
  });
  return created.id;
}

interface AddressRange {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

function liveNetwork(info: NetworkInspectInfo): Props {
  return {
    id: info.Id,
    name: info.Name,
    labels: labelList(info.Labels),
    driver: info.Driver,
    options: info.Options ?? {},
    internal: info.Internal,
    attachable: info.Attachable,
    ipv6: info.EnableIPv6,
    ipamDriver: info.IPAM?.Driver ?? "default",
    ipamOptions: info.IPAM?.Options ?? {},
    ipamConfigs: ((info.IPAM?.Config ?? []) as AddressRange[]).map((range) => ({
      subnet: range.Subnet,
      ipRange: range.IPRange,
      gateway: range.Gateway,
      auxAddress: range.AuxiliaryAddresses,
    })),
    scope: info.Scope,
  };
}

async function removeNetwork(daemon: Daemon, id: string, name: string, context: Context): Promise<void> {
  const end = Date.now() + REMOVE_LIMIT_MS;
  for (;;) {
    try {
      await found(() => daemon.docker.getNetwork(id).remove());
      return;
    } catch (error) {
      if (!refusalOf(error).message.includes("has active endpoints")) throw error;
    }
    const info = await found(() => inspect(daemon, id));
    const attached = Object.values(info?.Containers ?? {}).map((container) => container.Name);
    if (Date.now() > end) {
      throw new Error(
        `Can't remove the network ${name} on ${daemon.address}: attached are ${attached.join(", ")}. ` +
          "Remove them, or disconnect them from it.",
      );
    }
    context.status(`waiting for ${attached.join(", ")} to leave`);
    await sleep(POLL_MS, undefined, { signal: context.signal });
  }
}
