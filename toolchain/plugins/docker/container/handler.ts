/** `Container`. */
import type { Container } from "dockerode";
import {
  PartialFailure,
  type Context,
  type Props,
  type ResourceHandler,
} from "../../../../providers/kit/types";
import { checkInputs } from "../../bridge/check";
import { diffResource, plannedOutputs, same } from "../../bridge/diff";
import { assertSchemaVersion, inputsFromOutputs, writePreview, writeState } from "../../bridge/state";
import { REMEDY } from "../config";
import { daemonOf, existsError, explained, found, isLeftover, refusalOf, type Daemon } from "../daemon";
import { ensureImage } from "../image";
import { knownNumber, knownObjects, knownText, knownTexts, settled } from "../state";
import type { Inspected } from "./inspected";
import { liveContainer } from "./live";
import { bytes, createRequest } from "./request";
import { Unhealthy, inspectContainer, settledContainer } from "./settle";
import { CONTAINER } from "./spec";
import { upload } from "./uploads";

/** Changed in the container that runs; upstream keeps all other changes in the state alone. */
const LIVE_UPDATES = [
  "restart",
  "maxRetryCount",
  "cpuShares",
  "memory",
  "memoryReservation",
  "cpuSet",
  "memorySwap",
];
/** Without effect on the container that runs, though upstream asks for no new one. */
const IDLE_UPDATES = ["healthcheck", "tmpfs", "init", "cpuPeriod", "cpuQuota", "rm"];

export const container: ResourceHandler = {
  check: (news, olds, { name }) => checkInputs(news, olds, { spec: CONTAINER, remedy: REMEDY, name }),

  diff(_id, olds, news) {
    assertSchemaVersion(CONTAINER, olds);
    return diffResource(CONTAINER, olds, news);
  },

  preview: (inputs, _context, olds) => writePreview(CONTAINER, plannedOutputs(CONTAINER, inputs, olds), olds),

  async create(inputs, context) {
    const daemon = daemonOf(context.config);
    const planned = plannedOutputs(CONTAINER, inputs);
    const name = String(planned.name);
    await ensureImage(daemon, String(planned.image), undefined, context);
    const values = await explained(`create the container ${name}`, daemon, async () => {
      const made = await createContainer(daemon, planned);
      try {
        return await startContainer(made, planned, context);
      } catch (error) {
        // One that did not come to run would stand in the way of the next try.
        if (!(error instanceof PartialFailure)) await found(() => made.remove({ force: true, v: true }));
        throw error;
      }
    });
    return { id: String(values.id), outputs: writeState(CONTAINER, values) };
  },

  async read(id, outputs, { config }, inputs) {
    const daemon = daemonOf(config);
    const isImport = Object.keys(outputs).length === 0;
    if (!isImport) assertSchemaVersion(CONTAINER, outputs);
    const gone = { id: undefined, outputs: {}, inputs: {} };
    return await explained(`read the container ${id}`, daemon, async () => {
      const info = await found(() => inspectContainer(daemon.docker.getContainer(id)));
      if (!info) return gone;
      if (!isImport && outputs.mustRun === true && !info.State.Running) {
        await forget(daemon, info, outputs);
        return gone;
      }
      const values = settled(CONTAINER, outputs, liveContainer(info, outputs));
      return {
        id: info.Id,
        outputs: writeState(CONTAINER, values),
        inputs: inputsFromOutputs(CONTAINER, values, isImport ? undefined : inputs),
      };
    });
  },

  async update(id, olds, news, context) {
    const daemon = daemonOf(context.config);
    const planned = plannedOutputs(CONTAINER, news, olds);
    const changed = (key: string) => !same(olds[key] ?? null, planned[key] ?? null);
    const made = daemon.docker.getContainer(id);
    await explained(`change the container ${String(planned.name)}`, daemon, async () => {
      if (LIVE_UPDATES.some(changed)) await made.update(liveUpdate(planned));
      // An earlier wait may have run out of time.
      if (planned.wait === true) await unlessUnhealthy(made, planned, context);
    });
    const idle = IDLE_UPDATES.filter(changed);
    if (idle.length > 0) {
      context.warn(
        `${idle.join(", ")}: noted, but Docker can't change that in a container that runs. It counts when the ` +
          "container is next made anew (`pulumi up --replace URN`, or replaceOnChanges in the program).",
      );
    }
    return writeState(CONTAINER, { ...settled(CONTAINER, planned, {}), id });
  },

  async delete(id, outputs, { config }) {
    const daemon = daemonOf(config);
    const made = daemon.docker.getContainer(id);
    await explained(`remove the container ${String(outputs.name)}`, daemon, async () => {
      const grace = knownNumber(outputs, "destroyGraceSeconds") ?? 0;
      // 304: it is stopped already.
      await found(() => made.stop({ t: grace })).catch((error: unknown) => {
        if (refusalOf(error).status !== 304) throw error;
      });
      await removeContainer(made, outputs.removeVolumes !== false);
    });
  },
};

async function removeContainer(made: Container, withVolumes: boolean): Promise<void> {
  try {
    await found(() => made.remove({ force: true, v: withVolumes }));
  } catch (error) {
    if (!refusalOf(error).message.includes("already in progress")) throw error;
    await found(() => made.wait({ condition: "removed" }));
  }
}

/**
 * A container that must run and does not is made anew, as upstream does: the state forgets it. Upstream removes it
 * here and now, in a mere preview, too; one with labels is left until its successor is made, which knows it by them.
 */
async function forget(daemon: Daemon, info: Inspected, outputs: Props): Promise<void> {
  if (isLeftover(info.Config.Labels ?? null, outputs.labels)) return;
  await removeContainer(daemon.docker.getContainer(info.Id), outputs.removeVolumes !== false);
}

async function createContainer(daemon: Daemon, planned: Props): Promise<Container> {
  const name = String(planned.name);
  const present = await found(() => inspectContainer(daemon.docker.getContainer(name)));
  if (present && present.Name === `/${name}`) {
    if (!isLeftover(present.Config.Labels ?? null, planned.labels)) {
      throw existsError("container", name, daemon, CONTAINER.token, present.Id);
    }
    await removeContainer(daemon.docker.getContainer(present.Id), true);
  }
  const made = await daemon.docker.createContainer(createRequest(planned));
  try {
    await attachNetworks(daemon, made, planned);
    await upload(made, planned);
  } catch (error) {
    await found(() => made.remove({ force: true, v: true }));
    throw error;
  }
  return made;
}

async function attachNetworks(daemon: Daemon, made: Container, planned: Props): Promise<void> {
  const networks = knownObjects(planned, "networksAdvanced");
  if (networks.length === 0) return;
  try {
    await daemon.docker.getNetwork("bridge").disconnect({ Container: made.id });
  } catch (error) {
    if (!refusalOf(error).message.includes("is not connected to")) throw error;
  }
  for (const network of networks) {
    await daemon.docker.getNetwork(String(network.name)).connect({
      Container: made.id,
      EndpointConfig: {
        Aliases: knownTexts(network, "aliases"),
        IPAMConfig: {
          IPv4Address: knownText(network, "ipv4Address"),
          IPv6Address: knownText(network, "ipv6Address"),
        },
        MacAddress: knownText(network, "macAddress"),
      },
    });
  }
}

async function startContainer(made: Container, planned: Props, context: Context): Promise<Props> {
  if (planned.start === true) await made.start();
  const info = await unlessUnhealthy(made, planned, context);
  return settled(CONTAINER, planned, liveContainer(info, planned));
}

/** @throws PartialFailure where it is not healthy in time: it is kept, and the next update waits again */
async function unlessUnhealthy(made: Container, planned: Props, context: Context): Promise<Inspected> {
  try {
    return await settledContainer(made, planned, context);
  } catch (error) {
    if (!(error instanceof Unhealthy)) throw error;
    const info = await inspectContainer(made);
    const values = settled(CONTAINER, planned, liveContainer(info, planned));
    throw new PartialFailure(error.message, info.Id, writeState(CONTAINER, values));
  }
}

function liveUpdate(planned: Props) {
  const swap = bytes(knownNumber(planned, "memorySwap"));
  return {
    RestartPolicy: {
      Name: String(planned.restart),
      MaximumRetryCount: knownNumber(planned, "maxRetryCount") ?? 0,
    },
    CpuShares: knownNumber(planned, "cpuShares") ?? 0,
    Memory: bytes(knownNumber(planned, "memory")) ?? 0,
    MemoryReservation: bytes(knownNumber(planned, "memoryReservation")) ?? 0,
    CpusetCpus: knownText(planned, "cpuSet") ?? "",
    ...(swap ? { MemorySwap: swap } : {}),
  };
}
