/** What all parts of a fleet on Docker share: providers, images, network. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { ImageName, ImagesPlan, RegistryPlan } from "../../plan/types";
import { PEERS_LABEL } from "../../providers/docker/labels";
import { peersText } from "../../providers/docker/peers";
import { NetworkPeers, Provider } from "../../providers/docker/resources";
import type { Neighbours } from "./attachment";
import { labelsOf, replaceOnChanges } from "./hardening";
import { imageName, profileOf, type Profile } from "./images/profiles";
import { dockerName, networkName, tenantNetworkName } from "./names";

export interface RegistrySignIn extends RegistryPlan {
  readonly password: pulumi.Output<string> | undefined;
}

export interface PlatformSide extends Neighbours {
  /** Network of the platform's containers. */
  readonly network: string;
  /** Container of the platform's gateway. */
  readonly gateway: string;
}

export interface DockerFleetArgs {
  /** The stack's name. */
  readonly stack: string;
  readonly images: ImagesPlan;
  readonly registries: readonly RegistrySignIn[];
  /** NocoBase version of the images that no instance chooses. */
  readonly release: string;
  /** A tenant's: what it has to do with of its platform. */
  readonly platform?: PlatformSide;
}

/** Makes what is there once, each thing when it is first needed. */
export class DockerFleet {
  readonly profile: Profile;
  readonly docker: docker.Provider;
  readonly contents: Provider;
  private ownNetwork?: docker.Network;
  private peers?: NetworkPeers;
  private readonly present = new Map<string, docker.RemoteImage>();

  constructor(readonly args: DockerFleetArgs) {
    this.profile = profileOf(args.images);
    this.docker = new docker.Provider("docker", registryAuth(args.registries));
    this.contents = new Provider("docker-contents", {});
  }

  /** Name of the network that the containers are on. A tenant without any has none: the daemon's are not endless. */
  get network(): pulumi.Output<string> {
    this.ownNetwork ??= this.createNetwork();
    return this.ownNetwork.name;
  }

  private createNetwork(): docker.Network {
    const { stack, platform } = this.args;
    const name = platform ? tenantNetworkName(platform.network, stack) : networkName(stack);
    const network = new docker.Network(
      "network",
      { name, labels: this.labels("network"), driver: "bridge" },
      { provider: this.docker, deleteBeforeReplace: true },
    );
    if (platform) {
      this.peers = new NetworkPeers(
        "network-peers",
        { network: network.name, peers: [platform.gateway, ...Object.values(platform.servers)].sort() },
        { provider: this.contents },
      );
    }
    return network;
  }

  /** A tenant's: containers of its platform that one of its own needs, as a label. @param server key of its server */
  peerLabels(server: string): { label: string; value: string }[] {
    const { platform } = this.args;
    if (!platform) return [];
    const holder = Object.hasOwn(platform.servers, server) ? platform.servers[server] : undefined;
    const peers = [platform.gateway, ...(holder === undefined ? [] : [holder])];
    return [{ label: PEERS_LABEL, value: peersText(peers) }];
  }

  /** `<project>/<stack>`, as our provider has it of a URN. */
  get owner(): string {
    return `${pulumi.getProject()}/${this.args.stack}`;
  }

  labels(part: string) {
    return labelsOf({ stack: this.owner, part });
  }

  /** Id of an image, which is on the daemon's machine then. */
  image(name: ImageName, release = this.args.release): pulumi.Output<string> {
    const whole = imageName(this.args.images, name, release);
    const key = name === "nocobase" ? `nocobase-${release}` : name;
    const known =
      this.present.get(key) ??
      new docker.RemoteImage(`image-${key}`, { name: whole, keepLocally: true }, { provider: this.docker });
    this.present.set(key, known);
    return known.imageId;
  }

  volume(name: string, part: string, options: pulumi.CustomResourceOptions): docker.Volume {
    return new docker.Volume(
      name,
      { name: dockerName(this.args.stack, part), labels: this.labels(part) },
      { ...options, provider: this.docker },
    );
  }

  container(
    name: string,
    args: docker.ContainerArgs,
    options: pulumi.CustomResourceOptions,
  ): docker.Container {
    return new docker.Container(name, args, {
      ...options,
      dependsOn: [...dependenciesOf(options), ...(this.peers ? [this.peers] : [])],
      provider: this.docker,
      deleteBeforeReplace: true,
      replaceOnChanges,
    });
  }
}

/** As a list. */
export function dependenciesOf({ dependsOn }: pulumi.CustomResourceOptions): pulumi.Resource[] {
  if (dependsOn === undefined) return [];
  return (Array.isArray(dependsOn) ? dependsOn : [dependsOn]) as pulumi.Resource[];
}

/** Docker Hub's names have no address, and its sign-in is at this one. */
const DOCKER_HUB = "registry-1.docker.io";
const HUB_ALIASES: readonly string[] = ["docker.io", "index.docker.io", DOCKER_HUB];

/** Sign-ins as the provider takes them; the whole list becomes a secret there. */
function registryAuth(registries: readonly RegistrySignIn[]): Pick<docker.ProviderArgs, "registryAuth"> {
  if (registries.length === 0) return {};
  return {
    registryAuth: registries.map(({ address, username, password }) => ({
      address: HUB_ALIASES.includes(address) ? DOCKER_HUB : address,
      username,
      password: password && pulumi.secret(password),
    })),
  };
}
