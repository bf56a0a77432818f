/** `Volume`. */
import { setTimeout as sleep } from "node:timers/promises";
import type { VolumeInspectInfo } from "dockerode";
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
import { VOLUME } from "./specs";
import { knownMap, knownText, settled } from "./state";

/** As long as upstream waits until no container uses it any more. */
const REMOVE_LIMIT_MS = 30_000;
const POLL_MS = 250;

export const volume: ResourceHandler = {
  check: (news, olds, { name }) => checkInputs(news, olds, { spec: VOLUME, remedy: REMEDY, name }),

  diff(_id, olds, news) {
    assertSchemaVersion(VOLUME, olds);
    return diffResource(VOLUME, olds, news);
  },

  preview: (inputs, _context, olds) => writePreview(VOLUME, plannedOutputs(VOLUME, inputs, olds), olds),

  async create(inputs, { config }) {
    const daemon = daemonOf(config);
    const planned = plannedOutputs(VOLUME, inputs);
    const name = String(planned.name);
    return await explained(`create the volume ${name}`, daemon, async () => {
      const info = await createVolume(daemon, name, planned);
      return { id: name, outputs: writeState(VOLUME, settled(VOLUME, planned, liveVolume(info))) };
    });
  },

  async read(id, outputs, { config }, inputs) {
    const daemon = daemonOf(config);
    const isImport = Object.keys(outputs).length === 0;
    if (!isImport) assertSchemaVersion(VOLUME, outputs);
    const info = await explained(`read the volume ${id}`, daemon, () => inspect(daemon, id));
    if (!info) return { id: undefined, outputs: {}, inputs: {} };
    const values = settled(VOLUME, outputs, liveVolume(info));
    return {
      id,
      outputs: writeState(VOLUME, values),
      inputs: inputsFromOutputs(VOLUME, values, isImport ? undefined : inputs),
    };
  },

  // Every change needs a new volume; only a value that means the same can come here.
  update: (_id, olds, news) =>
    Promise.resolve(writeState(VOLUME, { ...plannedOutputs(VOLUME, news, olds), id: olds.id })),

  async delete(id, _outputs, context) {
    const daemon = daemonOf(context.config);
    await explained(`remove the volume ${id}`, daemon, () => removeVolume(daemon, id, context));
  },
};

function inspect(daemon: Daemon, name: string): Promise<VolumeInspectInfo | undefined> {
  return found(() => daemon.docker.getVolume(name).inspect());
}

async function createVolume(daemon: Daemon, name: string, planned: Props): Promise<VolumeInspectInfo> {
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

async function removeVolume(daemon: Daemon, name: string, context: Context): Promise<void> {
  const end = Date.now() + REMOVE_LIMIT_MS;
  for (;;) {
    try {
      await found(() => daemon.docker.getVolume(name).remove({ force: true }));
      return;
    } catch (error) {
      if (!refusalOf(error).message.includes("volume is in use")) throw error;
    }
    const users = await daemon.docker.listContainers({ all: true, filters: { volume: [name] } });
    const list = users.map(({ Names, Id }) => Names[0]?.slice(1) ?? Id).join(", ");
    if (Date.now() > end) {
      throw new Error(
        `Can't remove the volume ${name} on ${daemon.address}: it is used by ${list}. Remove them first.`,
      );
    }
    context.status(`waiting for ${list} to let go of it`);
    await sleep(POLL_MS, undefined, { signal: context.signal });
  }
}
