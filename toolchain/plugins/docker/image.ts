/** `RemoteImage`: an image on the daemon's machine; pulled only where it is not there. */
import type { ImageInspectInfo } from "dockerode";
import type { Context, Props, ResourceHandler } from "../../../providers/kit/types";
import { checkInputs } from "../bridge/check";
import { diffResource, plannedOutputs } from "../bridge/diff";
import { inputsFromOutputs, writePreview, writeState } from "../bridge/state";
import { REMEDY } from "./config";
import { daemonOf, explained, found, refusalOf, type Daemon } from "./daemon";
import { IMAGE } from "./specs";
import { knownText, settled } from "./state";

const DOCKER_HUB = "registry-1.docker.io";

export const image: ResourceHandler = {
  check: (news, olds, { name }) => checkInputs(news, olds, { spec: IMAGE, remedy: REMEDY, name }),

  diff: (_id, olds, news) => diffResource(IMAGE, olds, news),

  preview: (inputs, _context, olds) => writePreview(IMAGE, plannedOutputs(IMAGE, inputs, olds), olds),

  async create(inputs, context) {
    const planned = plannedOutputs(IMAGE, inputs);
    const values = await presentImage(planned, context);
    return { id: String(values.id), outputs: writeState(IMAGE, values) };
  },

  async read(_id, outputs, { config }, inputs) {
    const daemon = daemonOf(config);
    const name = knownText(outputs, "name");
    if (name === undefined) {
      throw new Error(
        "An image can't be imported: upstream has no import for it. Name it in the program instead.",
      );
    }
    const info = await explained(`read the image ${name}`, daemon, () => inspect(daemon, name));
    if (!info) return { id: undefined, outputs: {}, inputs: {} };
    const values = settled(IMAGE, outputs, liveImage(info, name));
    return {
      id: String(values.id),
      outputs: writeState(IMAGE, values),
      inputs: inputsFromOutputs(IMAGE, values, inputs),
    };
  },

  async update(_id, olds, news, context) {
    return writeState(IMAGE, await presentImage(plannedOutputs(IMAGE, news, olds), context));
  },

  async delete(_id, outputs, { config }) {
    if (outputs.keepLocally === true) return;
    const daemon = daemonOf(config);
    const name = String(outputs.name);
    await explained(`remove the image ${name}`, daemon, () =>
      found(() => daemon.docker.getImage(name).remove({ force: outputs.forceRemove === true })),
    );
  },
};

async function presentImage(planned: Props, context: Context): Promise<Props> {
  const daemon = daemonOf(context.config);
  const name = String(planned.name);
  const info = await ensureImage(daemon, name, knownText(planned, "platform"), context);
  return settled(IMAGE, planned, liveImage(info, name));
}

function inspect(daemon: Daemon, name: string): Promise<ImageInspectInfo | undefined> {
  return found(() => daemon.docker.getImage(name).inspect());
}

function liveImage(info: ImageInspectInfo, name: string): Props {
  const repository = name.split("@")[0]?.replace(/:[^:/]+$/, "") ?? name;
  const digest = ((info.RepoDigests as string[] | null) ?? []).find(
    (text) => text.split("@")[0] === repository,
  );
  // Upstream's own id: the image's with the name after it.
  return { id: info.Id + name, imageId: info.Id, repoDigest: digest ?? "" };
}

/**
 * The image of this name or id, pulled where it is not on the daemon's machine.
 * @throws Error where it is not there and can't be pulled
 */
export async function ensureImage(
  daemon: Daemon,
  name: string,
  platform: string | undefined,
  context: Context,
): Promise<ImageInspectInfo> {
  const here = await explained(`look for the image ${name}`, daemon, () => inspect(daemon, name));
  if (here) return here;
  context.status(`pulling ${name}`);
  const registry = registryOf(name);
  const credentials = daemon.config.registries.get(registry);
  try {
    const stream = await daemon.docker.pull(name, {
      ...(platform === undefined ? {} : { platform }),
      ...(credentials ? { authconfig: { ...credentials, serveraddress: registry } } : {}),
      abortSignal: context.signal,
    });
    await new Promise<void>((resolve, reject) =>
      daemon.docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
    );
  } catch (error) {
    throw new Error(
      `The image ${name} is not on ${daemon.address}, and can't be pulled from ${registry}: ` +
        `${refusalOf(error).message}. Build or load it there, correct its name, or give registryAuth for ${registry}.`,
    );
  }
  const pulled = await inspect(daemon, name);
  if (!pulled) throw new Error(`${registry} sent no image ${name}.`);
  return pulled;
}

/** Host name of the registry that a name speaks of; Docker Hub's where it speaks of none. */
function registryOf(name: string): string {
  const [first = "", ...rest] = name.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost" || rest.length > 1);
  return isHost ? first : DOCKER_HUB;
}
