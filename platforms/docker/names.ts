/** What a fleet's things are called on a daemon, where all stacks share one set of names. Pure. */

/** Docker's names hold what a stack's name may hold, but for the organization and project before it. */
function prefix(stack: string): string {
  return `fleet-${stack.split("/").pop() ?? stack}`;
}

/** Container or volume of a part: `fleet-dev-env-blue`, `fleet-dev-app-erp.2`. */
export function dockerName(stack: string, part: string): string {
  return `${prefix(stack)}-${part}`;
}

/**
 * Host name of a replica within the network: `app-erp`, `2.app-erp`. The number comes first, since what ends in a
 * number is read as an IPv4 address, and no instance's name holds a dot.
 */
export function hostOf(replica: string): string {
  return replica.split(".").reverse().join(".");
}

/** The network that a stack's containers are on. */
export function networkName(stack: string): string {
  return prefix(stack);
}

/**
 * The network of a tenant's own containers. Docker takes the first of a container's networks, by name, for its way
 * out and its published ports; this one comes after the platform's, so that nothing changes for who is on both.
 */
export function tenantNetworkName(platformNetwork: string, stack: string): string {
  return `${platformNetwork}.${stack.split("/").pop() ?? stack}`;
}

/** Parts that a gateway consists of. */
export const GATEWAY = { router: "gateway", proxy: "gateway-proxy" } as const;

/** Part that runs Redis, and its host name within the network. */
export const REDIS = "redis";

/** Container of a stack's gateway that routes. */
export function routerName(stack: string): string {
  return dockerName(stack, GATEWAY.router);
}

/** Address of a replica within the network; `port` is the one that its image listens on. */
export function replicaUrl(replica: string, port: number): string {
  return `http://${hostOf(replica)}:${port}`;
}
