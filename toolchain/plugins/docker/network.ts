/** `Network`. */
import type { NetworkInspectInfo } from "dockerode";
import type { Props, ResourceHandler } from "../../../providers/kit/types";
import { existsError, found, isLeftover, labelList, labelsOf, type Daemon } from "./daemon";
import { fixedResource } from "./fixed";
import { NETWORK } from "./specs";
import { knownFlag, knownMap, knownObjects, knownText } from "./state";

export const network: ResourceHandler = fixedResource<NetworkInspectInfo>({
  noun: "network",
  spec: NETWORK,
  create: createNetwork,
  inspect: (daemon, id) => found(() => inspect(daemon, id)),
  live: liveNetwork,
  remove: (daemon, id) => daemon.docker.getNetwork(id).remove(),
  inUse: "has active endpoints",
  async users(daemon, id) {
    const info = await found(() => inspect(daemon, id));
    return Object.values(info?.Containers ?? {}).map(({ Name }) => Name);
  },
});

async function inspect(daemon: Daemon, id: string): Promise<NetworkInspectInfo> {
  return await daemon.docker.getNetwork(id).inspect();
}

async function createNetwork(daemon: Daemon, planned: Props): Promise<NetworkInspectInfo> {
  const name = String(planned.name);
  // Older daemons let two networks have one name.
  const listed = await daemon.docker.listNetworks({ filters: { name: [name] } });
  const present = listed.find((other) => other.Name === name);
  if (present) {
    if (isLeftover(present.Labels ?? null, planned.labels)) return await inspect(daemon, present.Id);
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
  return await inspect(daemon, created.id);
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
