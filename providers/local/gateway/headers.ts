/** Headers of a request on its way to an instance. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Proxied } from "./router";

/**
 * A replica's 503 has it (`plugins/cluster`) while it stops or waits for its database: it has not begun with the
 * request, and another one may be asked.
 */
export const REPLICA_UNAVAILABLE_HEADER = "x-fleet-replica-unavailable";

/** Headers that choose an app or claim an origin: what a client says in them is never passed on. */
const OWNED =
  /^(forwarded|x-forwarded-.*|x-real-ip|x-original-.*|x-rewrite-url|x-app|x-hostname|proxy-.*|expect)$/;

/** The client's headers without {@link OWNED} ones, and the gateway's own in their place. */
export function outgoingHeaders(request: IncomingMessage, decision: Proxied): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (!OWNED.test(name)) headers[name] = value;
  }
  if (decision.withoutCookies) delete headers.cookie;
  headers["x-app"] = decision.appName;
  headers["x-hostname"] = decision.hostname;
  headers["x-forwarded-for"] = request.socket.remoteAddress ?? "";
  headers["x-forwarded-host"] = request.headers.host ?? "";
  headers["x-forwarded-proto"] = "http";
  return headers;
}
