/** Configuration of Caddy, which faces the network: the same whatever apps there are, so that it is never reloaded. Pure. */
import { createHash } from "node:crypto";
import type { GatewayPlan } from "../../plan/types";
import { KNOWN_HOST_PATH } from "../../providers/local/gateway/router";
import { GATEWAY } from "./names";

/** Requests under way end before the proxy does. */
const GRACE = "grace_period 10s";

/** Ports within the containers, which no process of an ordinary user could take below 1024. */
export const PROXY_PORT = 8080;
export const PROXY_TLS_PORT = 8443;
export const ROUTER_PORT = 8080;

/**
 * Text of the Caddyfile. With TLS, Caddy asks the router whether a name is the fleet's before it gets a certificate for
 * it, so no app's domain stands here.
 */
export function proxyConfiguration({ tls }: Pick<GatewayPlan, "tls">): string {
  const router = `${GATEWAY.router}:${ROUTER_PORT}`;
  const pass = `reverse_proxy ${router}`;
  if (!tls) return block("", ["admin off", "auto_https off", GRACE]) + block(`:${PROXY_PORT}`, [pass]);
  const options = [
    "admin off",
    GRACE,
    `http_port ${PROXY_PORT}`,
    `https_port ${PROXY_TLS_PORT}`,
    "auto_https disable_redirects",
    ...(tls.email === undefined ? [] : [`email ${tls.email}`]),
    ...(tls.issuer === "internal" ? ["skip_install_trust", "local_certs"] : []),
    `on_demand_tls {\n\t\task http://${router}${KNOWN_HOST_PATH}\n\t}`,
  ];
  const port = tls.port === 443 ? "" : `:${tls.port}`;
  return (
    block("", options) +
    block("http://", [
      // Fleet's own look at the router, from this machine.
      `handle /__fleet/* {\n\t\t${pass}\n\t}`,
      `handle {\n\t\tredir https://{host}${port}{uri} 308\n\t}`,
    ]) +
    block("https://", ["tls {\n\t\ton_demand\n\t}", pass])
  );
}

function block(name: string, lines: readonly string[]): string {
  return `${name === "" ? "" : `${name} `}{\n${lines.map((line) => `\t${line}\n`).join("")}}\n`;
}

/** Changes with the configuration: the proxy reads it when it starts. */
export function proxyMark(configuration: string): string {
  return createHash("sha256").update(configuration).digest("hex").slice(0, 12);
}
