/** Ports and host names: each once in the fleet. */
import { formatPath } from "../faults";
import type { InstancePlan } from "../../plan/types";
import { declared, eachClash, given, isTenant, report, type Claim, type Context } from "./context";

/** Names and addresses by which a machine means itself. */
export const loopbackHosts = /^(?:localhost|127(?:\.\d+){3}|::1)$/i;

/** No port is listened on twice. Nothing is ever shifted to another port: that would move a process that nobody touched. */
export function ports(context: Context): void {
  const { plan, spec } = context;
  // Each pod has an address of its own.
  if (spec.platform === "kubernetes") return;
  const claims: Claim[] = [];
  const claim = (port: number, at: Claim["at"]) =>
    claims.push({ id: String(port), at, explicit: given(context, at) !== undefined });
  const claimAll = ({ replicas }: InstancePlan, at: Claim["at"]) => {
    for (const { port } of replicas) claim(port, at);
    const last = replicas.at(-1)?.port ?? 0;
    if (last <= 65535) return;
    report(context, at, {
      value: given(context, at),
      problem: `leaves no ports for ${replicas.length} replicas: they take the ports after it, up to ${last}`,
      allowed: `at most ${65536 - replicas.length}`,
      fix: "choose a lower port",
    });
  };
  if (!isTenant(context)) {
    claim(plan.gateway.port, ["gateway", "port"]);
    if (plan.gateway.tls) claim(plan.gateway.tls.port, ["gateway", "tls", "port"]);
    claimAll(plan.entry, ["entry", "port"]);
  }
  for (const environment of Object.values(plan.environments)) {
    claimAll(environment, ["environments", environment.key, "port"]);
  }
  for (const { key, instance } of Object.values(plan.apps))
    if (instance) claimAll(instance, ["apps", key, "port"]);
  for (const server of Object.values(plan.databaseServers)) {
    if (server.kind === "managed" || loopbackHosts.test(server.host)) {
      claim(server.port, ["databaseServers", server.key, "port"]);
    }
  }
  eachClash(claims, (loser, holder) => {
    report(context, loser.at, {
      value: Number(loser.id),
      problem: `${loser.explicit ? "is" : "is the derived port here and"} the port of ${formatPath(holder.at.slice(0, -1))}, too`,
      allowed: "a port that nothing else in the fleet has",
      fix: loser.explicit ? "choose another port" : `set ${formatPath(loser.at)} to a free port`,
    });
  });
}

/** No host name leads to two places. */
export function hosts(context: Context): void {
  const { plan, spec } = context;
  const environments = new Set(declared(context, "environments"));
  const claims: Claim[] = isTenant(context)
    ? []
    : [{ id: spec.gateway.domain, at: ["gateway", "domain"], explicit: false }];
  const keys = new Map(Object.values(plan.apps).map(({ name, key }) => [name, key]));
  for (const route of plan.gateway.routes) {
    if (route.kind === "entry") continue;
    // An app with an environment's key has its fault already.
    if (route.kind === "app" && environments.has(route.key)) continue;
    const at =
      route.kind === "app" ? ["apps", keys.get(route.key) ?? route.key] : ["environments", route.key];
    const [own = "", ...custom] = route.hosts;
    claims.push({ id: own, at, explicit: false });
    const listed = custom.length > 0 ? given(context, [...at, "domains"]) : undefined;
    const written = Array.isArray(listed)
      ? listed.map((domain) => (typeof domain === "string" ? domain.toLowerCase() : ""))
      : [];
    let from = 0;
    for (const domain of custom) {
      // Faulty items are missing from the plan, so the place is looked up in what was given.
      const index = written.indexOf(domain, from);
      from = index + 1;
      claims.push({ id: domain, at: [...at, "domains", index], explicit: true });
    }
    if (own.length > 253) {
      report(context, at, {
        problem: `would answer at ${own}, which is longer than a host name may be (253 characters)`,
        fix: "shorten the key or nocobase-fleet:gateway.domain",
      });
    }
  }
  eachClash(claims, (loser, holder) => {
    const owner = holder.at[0] === "gateway" ? "the entry app" : formatPath(holder.at.slice(0, 2));
    report(context, loser.at, {
      value: loser.id,
      problem: `is a host name of ${owner}, too`,
      allowed: "a host name that nothing else in the fleet has",
      fix: loser.explicit ? "remove it from one of the two" : "rename one of the two",
    });
  });
}

/** Two external servers at one address would be one server under two names. */
export function servers(context: Context): void {
  const claims: Claim[] = Object.values(context.plan.databaseServers).flatMap((server) =>
    server.kind === "external"
      ? [
          {
            id: `${server.host.toLowerCase()}:${server.port}`,
            at: ["databaseServers", server.key],
            explicit: true,
          },
        ]
      : [],
  );
  eachClash(claims, (loser, holder) => {
    report(context, loser.at, {
      value: loser.id,
      problem: `is the address of ${formatPath(holder.at)}, too`,
      allowed: "each server declared once",
      fix: "remove one of the two and let all databases name the other",
    });
  });
}
