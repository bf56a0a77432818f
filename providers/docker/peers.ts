/**
 * A tenant's containers have a network of their own. Two of their platform's are on it besides: the gateway, and the
 * server of their databases. Those belong to another stack, so nothing in either stack's state says that they are
 * there; the tenant's containers do, by a label, and a peer that is made anew is put back by it.
 */
import { explained, found, type Daemon } from "../../toolchain/plugins/docker/daemon";
import { PART_LABEL, PEERS_LABEL } from "./labels";

/** Puts containers onto a network, under the names of their parts; leaves those be that are on it. */
export async function connectPeers(daemon: Daemon, network: string, peers: readonly string[]): Promise<void> {
  for (const peer of peers) {
    const info = await found(() => daemon.docker.getContainer(peer).inspect());
    if (!info) {
      throw new Error(
        `The platform's container ${peer} is not on ${daemon.address}: bring its stack up first, then this one.`,
      );
    }
    if (Object.hasOwn(info.NetworkSettings.Networks, network)) continue;
    const alias = info.Config.Labels[PART_LABEL];
    await explained(`connect ${peer} to the network ${network}`, daemon, () =>
      daemon.docker.getNetwork(network).connect({
        Container: info.Id,
        EndpointConfig: { Aliases: alias === undefined ? [] : [alias] },
      }),
    );
  }
}

/** Takes containers off a network; those that are gone, or off it, are left be. */
export async function disconnectPeers(
  daemon: Daemon,
  network: string,
  peers: readonly string[],
): Promise<void> {
  for (const peer of peers) {
    const info = await found(() => daemon.docker.getContainer(peer).inspect());
    if (!info || !Object.hasOwn(info.NetworkSettings.Networks, network)) continue;
    await found(() => daemon.docker.getNetwork(network).disconnect({ Container: info.Id, Force: true }));
  }
}

/** Peers that are not on the network, those that are gone included. */
export async function missingPeers(
  daemon: Daemon,
  network: string,
  peers: readonly string[],
): Promise<string[]> {
  const infos = await Promise.all(
    peers.map(async (peer) => ({
      peer,
      info: await found(() => daemon.docker.getContainer(peer).inspect()),
    })),
  );
  return infos.flatMap(({ peer, info }) =>
    info && Object.hasOwn(info.NetworkSettings.Networks, network) ? [] : [peer],
  );
}

/** A container, and networks of tenants that it belongs on and is not. */
export interface Absence {
  readonly container: string;
  readonly networks: readonly string[];
}

/** What tenants' containers say of these: where they are missed. @param ids of containers of one stack */
export async function absencesOf(daemon: Daemon, ids: readonly string[]): Promise<Absence[]> {
  const tenants = await daemon.docker.listContainers({ all: true, filters: { label: [PEERS_LABEL] } });
  if (tenants.length === 0) return [];
  const absences = await Promise.all(
    ids.map(async (id): Promise<Absence[]> => {
      const info = await found(() => daemon.docker.getContainer(id).inspect());
      if (!info) return [];
      const container = info.Name.slice(1);
      const wanted = tenants
        .filter(({ Labels }) => peersIn(Labels[PEERS_LABEL]).includes(container))
        .flatMap(({ NetworkSettings }) => Object.keys(NetworkSettings.Networks));
      const networks = [...new Set(wanted)].filter(
        (network) => !Object.hasOwn(info.NetworkSettings.Networks, network),
      );
      return networks.length > 0 ? [{ container, networks }] : [];
    }),
  );
  return absences.flat();
}

/** Puts these containers back where tenants miss them. */
export async function rejoin(daemon: Daemon, ids: readonly string[]): Promise<void> {
  for (const { container, networks } of await absencesOf(daemon, ids)) {
    for (const network of networks) await connectPeers(daemon, network, [container]);
  }
}

/** The label's text. */
export function peersText(peers: readonly string[]): string {
  return [...peers].sort().join(",");
}

function peersIn(text = ""): string[] {
  return text.split(",");
}
