/** Configuration of Caddy, which faces the network: the same whatever apps there are, so that it is never reloaded. Pure. */
import { createHash } from "node:crypto";
import type { GatewayPlan } from "../../plan/types";
import { GATEWAY } from "./names";

/** Ports within the containers, which no process of an ordinary user could take below 1024. */
export const PROXY_PORT = 8080;
export const ROUTER_PORT = 8080;

/** Text of the Caddyfile. */
export function proxyConfiguration(_plan: GatewayPlan): string {
  const router = `reverse_proxy ${GATEWAY.router}:${ROUTER_PORT}`;
  return `{
	admin off
	auto_https off
	grace_period 10s
}
:${PROXY_PORT} {
	${router}
}
`;
}

/** Changes with the configuration: the proxy reads it when it starts. */
export function proxyMark(configuration: string): string {
  return createHash("sha256").update(configuration).digest("hex").slice(0, 12);
}
