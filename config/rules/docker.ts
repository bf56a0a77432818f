/** What only one platform has, and what containers can't reach. */
import { loopbackHosts } from "./addresses";
import { formatPath } from "../faults";
import { listed, suggest } from "../suggest";
import { given, isTenant, report, type Context } from "./context";

/** Images, registries and TLS belong to the docker platform. */
export function dockerOnly(context: Context): void {
  const { platform } = context.spec;
  if (platform === "docker" || isTenant(context)) return;
  const pullsToo = platform === "kubernetes" ? [] : [["registries"]];
  for (const at of [["images"], ["imageNames"], ...pullsToo, ["gateway", "tls"]]) {
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

/** Each registry has its password, no two have one address, and each password a registry. */
export function registries(context: Context): void {
  const { registries: declared } = context.spec;
  const passwords = context.parsed.values.registryPasswords;
  const keys = Object.keys(given(context, ["registries"]) ?? {});
  const holders = new Map<string, string>();
  for (const [key, { address }] of Object.entries(declared)) {
    const at = ["registryPasswords", key];
    if (!Object.hasOwn(passwords, key)) {
      report(context, at, {
        problem: `is missing: the registry ${address} asks for a sign-in`,
        allowed: "the password or access token, as a secret",
        fix: `pulumi config set --secret --path '${formatPath(at)}'`,
      });
    }
    const holder = holders.get(address);
    holders.set(address, holder ?? key);
    if (holder === undefined) continue;
    report(context, ["registries", key, "address"], {
      value: address,
      problem: `is the address of registry "${holder}", too`,
      allowed: "one sign-in for each registry",
      fix: "remove one of them",
    });
  }
  for (const key of Object.keys(passwords)) {
    if (keys.includes(key)) continue;
    const meant = suggest(key, keys);
    report(context, ["registryPasswords", key], {
      problem: "belongs to no declared registry",
      allowed: listed(keys),
      fix: meant ? `did you mean "${meant}"?` : "remove it",
    });
  }
}

/** A name that is one image can't be two releases. */
export function imagePins(context: Context): void {
  const name = context.spec.images.names.nocobase;
  const { releases } = context.plan;
  if (context.spec.platform !== "docker" || name === undefined) return;
  const at = ["imageNames", "nocobase"];
  if (name.includes("{version}") && name.includes("@")) {
    report(context, at, {
      value: name,
      problem: "has a digest, which is one image whatever {version} stands for",
      allowed: "{version} without a digest, or a fixed tag with one",
      fix: `write the release in place of {version}: ${name.replace("{version}", releases[0] ?? "")}`,
    });
  } else if (!name.includes("{version}") && releases.length > 1) {
    report(context, at, {
      value: name,
      problem: `is one image, but the fleet runs the releases ${listed(releases)}`,
      allowed: "a name with {version}, or one release for all",
      fix: "put {version} where the tag holds NocoBase's version, or give all the same release",
    });
  }
}
