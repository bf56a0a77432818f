import type { GatewayPlan } from "./types";

/** Address that people open, without a trailing slash; a scheme's own port goes without saying. */
export function publicUrl(
  { port, domain, tls }: Pick<GatewayPlan, "port" | "domain" | "tls">,
  host = domain,
): string {
  const [scheme, own, used] = tls ? ["https", 443, tls.port] : ["http", 80, port];
  return `${scheme}://${host}${used === own ? "" : `:${used}`}`;
}
