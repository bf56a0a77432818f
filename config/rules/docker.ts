/** What only one platform has, and what containers can't reach. */
import { loopbackHosts } from "./addresses";
import { given, isTenant, report, type Context } from "./context";

/** Images and TLS belong to the docker platform. */
export function dockerOnly(context: Context): void {
  const { platform } = context.spec;
  if (platform === "docker" || isTenant(context)) return;
  for (const at of [["images"], ["imageNames"], ["gateway", "tls"]]) {
    const value = given(context, at);
    if (value === undefined) continue;
    report(context, at, {
      value: typeof value === "string" ? value : undefined,
      problem: `means nothing on platform ${platform}`,
      allowed: "only with platform: docker",
      fix: "remove it, or write platform: docker",
    });
  }
}

/** The loopback address of a container is its own. */
export function reachableServers(context: Context): void {
  const { platform, databaseServers } = context.spec;
  if (platform !== "docker") return;
  for (const [key, server] of Object.entries(databaseServers)) {
    if (server.kind !== "external" || !loopbackHosts.test(server.host)) continue;
    report(context, ["databaseServers", key, "host"], {
      value: server.host,
      problem: "leads each container to itself",
      allowed: "an address that containers and this machine both reach the server at",
      fix: "give the machine's address in its network, and let the server listen there",
    });
  }
}
