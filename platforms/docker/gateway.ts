/** The gateway: a proxy that faces the network, and behind it the fleet's own router, which knows the apps. */
import * as pulumi from "@pulumi/pulumi";
import type { GatewayPlan, RoutePlan } from "../../plan/types";
import {
  GATEWAY_FOLDER,
  PROGRAM_FILE,
  programHash,
  ROUTES_FILE,
  TENANTS_FOLDER,
} from "../../providers/docker/gateway/folder";
import { GatewayConfig, Service } from "../../providers/docker/resources";
import type { GatewayRoute, RoutingTable } from "../../providers/local/gateway/routes";
import type { GatewayHandle } from "../types";
import type { DockerFleet } from "./fleet";
import { hardened, labelsOf, memoryFolder, volumeMount } from "./hardening";
import { dockerName, GATEWAY, routerName } from "./names";
import { PROXY_PORT, proxyConfiguration, proxyMark, PROXY_TLS_PORT, ROUTER_PORT } from "./proxy";

/** Requests under way end within ten seconds. */
const GRACE_SECONDS = 15;
const LABEL = "nocobase-fleet.program";

/** Addresses within the network of an instance's containers, first replica first. */
export type AddressesOf = (instanceName: string) => readonly string[];

/** Routes with the addresses of containers in place of those on this machine. */
export function dockerRoutes(routes: readonly RoutePlan[], addressesOf: AddressesOf): GatewayRoute[] {
  return routes.map(({ key, kind, title, isolation, state, hosts, instanceName }) => {
    const [target = "", ...others] = addressesOf(instanceName);
    return {
      ...{ key, kind, title, isolation, state },
      hosts: [...hosts],
      target,
      instance: instanceName,
      ...(others.length > 0 ? { targets: [target, ...others] } : {}),
    };
  });
}

export interface GatewayArgs {
  readonly plan: GatewayPlan;
  readonly addressesOf: AddressesOf;
  /** What must be there before it is routed to. */
  readonly targets: Readonly<Record<string, pulumi.Output<string>>>;
}

export function createGateway(
  fleet: DockerFleet,
  name: string,
  { plan, addressesOf, targets }: GatewayArgs,
  options: pulumi.CustomResourceOptions,
): GatewayHandle {
  const { stack } = fleet.args;
  const { domain, uploadLimitMiB } = plan;
  const volume = fleet.volume(`${name}-config-volume`, "gateway-config", options);
  const data = fleet.volume(`${name}-data`, "gateway-data", options);
  const table: RoutingTable = {
    host: "0.0.0.0",
    port: ROUTER_PORT,
    domain,
    uploadLimitMiB,
    behindProxy: true,
    routes: dockerRoutes(plan.routes, addressesOf),
  };
  const proxy = proxyConfiguration(plan);
  const program = programHash();
  const config = new GatewayConfig(
    `${name}-config`,
    {
      volume: volume.name,
      image: fleet.image("node"),
      container: routerName(stack),
      address: { host: plan.host, port: plan.port },
      table: pulumi.all(targets).apply(() => table),
      proxy,
      program,
    },
    { ...options, provider: fleet.contents },
  );
  const common = hardened({ limits: { memoryMiB: 512 }, graceSeconds: GRACE_SECONDS, readOnly: true });
  const labels = (part: string) => labelsOf({ stack: fleet.owner, part, kind: "gateway" });
  const router = fleet.container(
    `${name}-router`,
    {
      ...common,
      name: routerName(stack),
      image: fleet.image("node"),
      user: "1000:1000",
      entrypoints: ["node"],
      command: [
        `${GATEWAY_FOLDER}/${PROGRAM_FILE}`,
        `${GATEWAY_FOLDER}/${ROUTES_FILE}`,
        `${GATEWAY_FOLDER}/${TENANTS_FOLDER}`,
      ],
      // Fleet writes routes through this container; nobody inside may.
      mounts: [volumeMount(GATEWAY_FOLDER, volume.name), memoryFolder("/tmp", 16)],
      networksAdvanced: [{ name: fleet.network, aliases: [GATEWAY.router] }],
      healthcheck: {
        tests: ["CMD", "node", "-e", healthProgram()],
        interval: "5s",
        timeout: "5s",
        startPeriod: "30s",
        retries: 4,
      },
      wait: true,
      waitTimeout: 60,
      labels: [...labels(GATEWAY.router), { label: LABEL, value: program }],
    },
    { ...options, dependsOn: config },
  );
  const front = fleet.container(
    name,
    {
      ...common,
      name: dockerName(stack, GATEWAY.proxy),
      image: fleet.image("proxy"),
      user: "1000:1000",
      entrypoints: ["caddy"],
      command: ["run", "--config", `${GATEWAY_FOLDER}/Caddyfile`, "--adapter", "caddyfile"],
      envs: ["XDG_DATA_HOME=/data", "XDG_CONFIG_HOME=/data", "HOME=/data"],
      mounts: [
        volumeMount(GATEWAY_FOLDER, volume.name, true),
        volumeMount("/data", data.name),
        memoryFolder("/tmp", 16),
      ],
      networksAdvanced: [{ name: fleet.network, aliases: [GATEWAY.proxy] }],
      ports: [
        { internal: PROXY_PORT, external: plan.port, ip: plan.host },
        ...(plan.tls ? [{ internal: PROXY_TLS_PORT, external: plan.tls.port, ip: plan.host }] : []),
      ],
      labels: [...labels(GATEWAY.proxy), { label: "nocobase-fleet.proxy", value: proxyMark(proxy) }],
    },
    { ...options, dependsOn: router },
  );
  const service = new Service(
    `${name}-service`,
    { name: GATEWAY.router, containers: [router.id, front.id] },
    { ...options, provider: fleet.contents, dependsOn: config },
  );
  return { resource: service, url: pulumi.output(plan.url) };
}

function healthProgram(): string {
  return `fetch("http://127.0.0.1:${ROUTER_PORT}/__fleet/health").then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))`;
}
