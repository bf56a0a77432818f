/** Which instance and app a request belongs to. Pure: a request and a table give a decision. */
import { isAddress, parseHost, parseTarget, TargetError, type HostName, type RequestTarget } from "./address";
import type { GatewayRoute } from "./routes";
import { MAIN_APP, type CompiledTable } from "./compiled";

export interface GatewayRequest {
  /** Request target as received, e.g. `/api/users:list?page=2`. */
  readonly url: string;
  readonly host: string | undefined;
  /** The client's `X-App` header. */
  readonly app: string | undefined;
}

export interface Proxied {
  readonly kind: "proxy";
  readonly route: GatewayRoute;
  /** Request target for the instance; names no app, `/files/…` excepted, where it is `appName`. */
  readonly path: string;
  /** The app's name inside the instance, sent as `X-App`, which NocoBase obeys for pages, API, files and `/ws`. */
  readonly appName: string;
  readonly hostname: string;
  /**
   * True where a stand-alone instance is reached through the entry app's address: both call their app `main`
   * and so their cookies alike, therefore none may pass.
   */
  readonly withoutCookies: boolean;
}

export type Decision =
  | Proxied
  | { readonly kind: "health" }
  /** Whether a name is one of the fleet's hosts: a proxy asks before it gets a certificate for it. */
  | { readonly kind: "known"; readonly known: boolean }
  | { readonly kind: "invalid"; readonly reason: string }
  | { readonly kind: "unknown"; readonly what: "host" | "app" | "page" }
  | { readonly kind: "stopped"; readonly route: GatewayRoute }
  /** `location` starts with `//host`, so that it holds behind a TLS front end too. */
  | { readonly kind: "redirect"; readonly route: GatewayRoute; readonly location: string };

/** Paths the gateway keeps for itself, on every host. */
const RESERVED = "/__fleet";

/** Answers 200 where its `domain` is a host of the fleet, else 404. */
export const KNOWN_HOST_PATH = `${RESERVED}/known-host`;

function isKnownHost(query: string, { byHost, baseHosts }: CompiledTable): boolean {
  const domain = new URLSearchParams(query).get("domain")?.toLowerCase() ?? "";
  return byHost.has(domain) || baseHosts.has(domain);
}

/**
 * Decides on one request.
 *
 * A host name of an app or environment binds the request to it: every other way to name an app (`X-App`,
 * `__appName`, `/api/__app/…`, `/apps/…`, `/files/…`, an uploads folder) may repeat it and nothing else.
 * On the base domain those ways choose the app; where they disagree nothing is served.
 */
export function route(request: GatewayRequest, table: CompiledTable): Decision {
  const host = parseHost(request.host);
  if (!host) return { kind: "invalid", reason: "the Host header is missing or malformed" };
  let target: RequestTarget;
  try {
    target = parseTarget(request.url);
  } catch (error) {
    if (error instanceof TargetError) return { kind: "invalid", reason: error.message };
    throw error;
  }
  if (target.path === RESERVED || target.path.startsWith(`${RESERVED}/`)) {
    if (target.path === KNOWN_HOST_PATH) return { kind: "known", known: isKnownHost(target.query, table) };
    return target.path === `${RESERVED}/health` ? { kind: "health" } : { kind: "unknown", what: "page" };
  }
  const named = namedApps(request, target);
  const owner = table.byHost.get(host.name);
  if (owner) return routeOwned(owner, named, host, target, table);
  if (!table.baseHosts.has(host.name) && !isAddress(host.name)) return { kind: "unknown", what: "host" };
  return routeBase(named, host, target, table);
}

/** Apps the request names; {@link MAIN_APP} in a header or query is what clients send by default and says nothing. */
function namedApps(request: GatewayRequest, target: RequestTarget): Set<string> {
  const named = new Set<string>();
  for (const name of [request.app, target.queryApp]) {
    if (name !== undefined && name !== MAIN_APP) named.add(name);
  }
  if (target.kind !== "upload" && target.kind !== "plain") named.add(target.app ?? "");
  return named;
}

function routeOwned(
  owner: GatewayRoute,
  named: ReadonlySet<string>,
  host: HostName,
  target: RequestTarget,
  table: CompiledTable,
): Decision {
  const own = owner.kind === "app" ? [owner.key, MAIN_APP] : [MAIN_APP];
  if ([...named].every((name) => own.includes(name))) {
    if (owner.state === "stopped") return { kind: "stopped", route: owner };
    if (target.kind === "page") return redirect(owner, `${authority(host.name)}${host.port}`, target);
    return proxied(owner, host, target, false, table);
  }
  const [only] = named;
  const linked = named.size === 1 && only !== undefined ? table.apps.get(only) : undefined;
  // The application list of an environment's own web client links to /apps/<key>/.
  if (owner.kind === "environment" && target.kind === "page" && linked) {
    return redirect(linked, `${linked.hosts[0] ?? ""}${host.port}`, target);
  }
  return { kind: "unknown", what: "app" };
}

function routeBase(
  named: Set<string>,
  host: HostName,
  target: RequestTarget,
  table: CompiledTable,
): Decision {
  if (target.kind === "upload" && target.app !== undefined && table.apps.has(target.app))
    named.add(target.app);
  if (named.size > 1) return { kind: "unknown", what: "app" };
  const [name = MAIN_APP] = named;
  const chosen = name === MAIN_APP ? table.entry : table.apps.get(name);
  if (!chosen) return { kind: "unknown", what: name === MAIN_APP ? "page" : "app" };
  if (chosen.state === "stopped") return { kind: "stopped", route: chosen };
  const dedicated = chosen.kind === "app" && chosen.isolation === "dedicated";
  // Files of a stand-alone app are at /files/main/…, which is the entry app's here: pages move to its own host.
  if (dedicated && target.kind === "page")
    return redirect(chosen, `${chosen.hosts[0] ?? ""}${host.port}`, target);
  if (target.kind === "page" && target.app === MAIN_APP) return { kind: "unknown", what: "app" };
  return proxied(chosen, host, target, dedicated, table);
}

function proxied(
  chosen: GatewayRoute,
  host: HostName,
  target: RequestTarget,
  withoutCookies: boolean,
  table: CompiledTable,
): Decision {
  const appName = chosen.kind === "app" && chosen.isolation === "shared" ? chosen.key : MAIN_APP;
  if (target.kind === "upload" && !mayRead(chosen, target.app, table))
    return { kind: "unknown", what: "page" };
  // `/api/__app/a/__app/b` would name `b` once its first half is gone.
  if (target.kind === "api" && parseTarget(target.rest).kind !== "plain")
    return { kind: "unknown", what: "app" };
  const path = target.kind === "file" ? `/files/${appName}${target.rest}` : pathFor(target);
  return {
    kind: "proxy",
    route: chosen,
    path: path + target.query,
    appName,
    hostname: host.name,
    withoutCookies,
  };
}

function pathFor(target: RequestTarget): string {
  return target.kind === "api" ? target.rest : target.path;
}

/**
 * Whether an app may serve a folder of its instance's uploads. All apps of an instance share them, and NocoBase
 * only asks for a signed-in user of any of them; a shared app keeps its files in the folder with its key. The logo
 * NocoBase installs is the one file outside of a folder.
 */
function mayRead(chosen: GatewayRoute, folder: string | undefined, table: CompiledTable): boolean {
  if (folder === undefined) return true;
  if (chosen.kind === "app") return chosen.isolation === "dedicated" || folder === chosen.key;
  return table.apps.get(folder)?.target !== chosen.target;
}

function redirect(to: GatewayRoute, host: string, target: RequestTarget): Decision {
  if (to.state === "stopped") return { kind: "stopped", route: to };
  return { kind: "redirect", route: to, location: `//${host}${target.rest}${target.query}` };
}

function authority(name: string): string {
  return name.includes(":") ? `[${name}]` : name;
}
