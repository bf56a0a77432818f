/** `Volume`. */
import type { VolumeInspectInfo } from "dockerode";
import type { Props, ResourceHandler } from "../../../providers/kit/types";
import { existsError, found, isLeftover, labelList, labelsOf, type Daemon } from "./daemon";
import { fixedResource } from "./fixed";
import { VOLUME } from "./specs";
import { knownMap, knownText } from "./state";

export const volume: ResourceHandler = fixedResource<VolumeInspectInfo>({
  noun: "volume",
  spec: VOLUME,
  create: createVolume,
  inspect,
  live: liveVolume,
  remove: (daemon, name) => daemon.docker.getVolume(name).remove({ force: true }),
  inUse: "volume is in use",
  async users(daemon, name) {
    const users = await daemon.docker.listContainers({ all: true, filters: { volume: [name] } });
    return users.map(({ Names, Id }) => Names[0]?.slice(1) ?? Id);
  },
});

function inspect(daemon: Daemon, name: string): Promise<VolumeInspectInfo | undefined> {
  return found(() => daemon.docker.getVolume(name).inspect());
}

async function createVolume(daemon: Daemon, planned: Props): Promise<VolumeInspectInfo> {
  const name = String(planned.name);
  // The daemon hands out one that is there as if it had just been made, with whatever lies in it.
  const present = await inspect(daemon, name);
  if (present && !isLeftover(present.Labels, planned.labels)) {
    throw existsError("volume", name, daemon, VOLUME.token, name);
  }
  await daemon.docker.createVolume({
    Name: name,
    Driver: knownText(planned, "driver"),
    DriverOpts: knownMap(planned, "driverOpts"),
    Labels: labelsOf(planned.labels),
  });
  const made = await inspect(daemon, name);
  if (!made) throw new Error(`The volume ${name} is gone from ${daemon.address} right after it was made.`);
  return made;
}

function liveVolume(info: VolumeInspectInfo): Props {
  return {
    id: info.Name,
    name: info.Name,
    labels: labelList(info.Labels),
    driver: info.Driver,
    driverOpts: info.Options ?? {},
    mountpoint: info.Mountpoint,
  };
}
