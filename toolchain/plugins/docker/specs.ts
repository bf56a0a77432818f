/** Networks, volumes and images of the official `docker` package (4.11.2), as far as the stand-in has them. */
import type { Attribute, ResourceSpec } from "../bridge/attributes";

/** Taken as given; a change needs a new one. */
export function fixed(
  type: Attribute["type"],
  description: string,
  more: Partial<Attribute> = {},
): Attribute {
  return { type, input: "optional", replace: true, description, ...more };
}

/** May change in place. */
export function free(type: Attribute["type"], description: string, more: Partial<Attribute> = {}): Attribute {
  return { type, input: "optional", description, ...more };
}

/** Officially there, not here. */
export function notHere(type: Attribute["type"], more: Partial<Attribute> = {}): Attribute {
  return { type, input: "optional", unsupported: true, description: "Official plugin only.", ...more };
}

export function output(type: Attribute["type"], description: string): Attribute {
  return { type, description };
}

export function text(description: string, input: "required" | "optional" = "required"): Attribute {
  return { type: "string", input, description };
}

/** Labels: a set of objects with a name and a value. */
export function labels(owner: string): Attribute {
  return fixed("set", "Labels.", {
    typeName: `${owner}Label`,
    fields: { label: text("Its name."), value: text("Its value.") },
  });
}

const name = (what: string): Attribute => fixed("string", `Name of the ${what}.`, { autoname: true });

export const NETWORK: ResourceSpec = {
  token: "docker:index/network:Network",
  description: "A network that containers are attached to.",
  flavour: "sdk",
  matchesSets: true,
  schemaVersion: 1,
  attributes: {
    name: name("network"),
    labels: labels("Network"),
    driver: fixed("string", "Its driver; the daemon's default is bridge.", { computed: true }),
    options: fixed("map", "Options of the driver.", { computed: true }),
    internal: fixed("boolean", "Whether it has no way out.", { computed: true }),
    attachable: fixed("boolean", "Whether containers may be attached by hand (swarm)."),
    ipv6: fixed("boolean", "Whether it has IPv6."),
    ipamDriver: fixed("string", "Who hands out addresses.", { default: "default" }),
    ipamOptions: fixed("map", "Options of that driver."),
    ipamConfigs: fixed("set", "Ranges of addresses.", {
      computed: true,
      upstream: "ipam_config",
      typeName: "NetworkIpamConfig",
      fields: {
        subnet: text("The range, as a CIDR block.", "optional"),
        ipRange: text("The part of it that containers get addresses from.", "optional"),
        gateway: text("Address of the gateway.", "optional"),
        auxAddress: free("map", "Further addresses that are taken."),
      },
    }),
    scope: output("string", "How far it reaches."),
    checkDuplicate: notHere("boolean", { replace: true }),
    ingress: notHere("boolean", { replace: true }),
  },
};

export const VOLUME: ResourceSpec = {
  token: "docker:index/volume:Volume",
  description: "A named volume.",
  flavour: "sdk",
  matchesSets: true,
  schemaVersion: 1,
  attributes: {
    name: { ...name("volume"), computed: true },
    labels: labels("Volume"),
    driver: fixed("string", "Its driver; the daemon's default is local.", { computed: true }),
    driverOpts: fixed("map", "Options of the driver."),
    mountpoint: output("string", "Where it lies on the daemon's machine."),
    cluster: notHere("list", { single: true, fields: {}, typeName: "VolumeCluster" }),
  },
};

export const IMAGE: ResourceSpec = {
  token: "docker:index/remoteImage:RemoteImage",
  description: "An image on the daemon's machine, pulled where it is not there yet.",
  flavour: "sdk",
  matchesSets: true,
  attributes: {
    name: {
      type: "string",
      input: "required",
      replace: true,
      description: "Name with tag or digest, or an id.",
    },
    imageId: output("string", "Its id."),
    repoDigest: output("string", "Its digest in the registry; empty for one that comes from no registry."),
    keepLocally: free("boolean", "Whether it stays on the machine when the resource goes."),
    forceRemove: free("boolean", "Whether it goes though stopped containers use it."),
    pullTriggers: fixed("set", "A change of these texts pulls it again."),
    triggers: fixed("map", "A change of these values makes the resource anew."),
    platform: fixed("string", "Platform to pull for, such as linux/amd64.", { default: "" }),
    build: notHere("set", { single: true, fields: {}, typeName: "RemoteImageBuild" }),
  },
};
