/** What a request says about where it wants to go: its Host header and its request target. */
import { isIP } from "node:net";

export interface HostName {
  /** Lower case, without port, brackets or trailing dot. */
  readonly name: string;
  /** `:13000`, or empty. */
  readonly port: string;
}

const HOST = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_][a-z0-9._-]{0,252}))(:[0-9]{1,5})?$/;

/** Parses a Host header; undefined where it is anything but `name[:port]` or an IP address. */
export function parseHost(header: string | undefined): HostName | undefined {
  const match = HOST.exec(header?.toLowerCase() ?? "");
  if (!match) return undefined;
  const name = match[1] ?? match[2]?.replace(/\.$/, "") ?? "";
  if (match[1] !== undefined && isIP(name) !== 6) return undefined;
  return { name, port: match[3] ?? "" };
}

/** True for addresses that name this machine rather than an app: IP addresses and `localhost`. */
export function isAddress(name: string): boolean {
  return name === "localhost" || isIP(name) !== 0;
}

/** How a path names an app: as a page of the web client, an API call, a file, or a folder of uploads. */
export type PathKind = "page" | "api" | "file" | "upload" | "plain";

export interface RequestTarget {
  readonly kind: PathKind;
  /** App named by the path, decoded; for uploads the first folder, undefined for a file outside of any. */
  readonly app: string | undefined;
  readonly path: string;
  /** The path without its app: `/apps/crm/admin` and `/api/__app/crm/x` become `/admin` and `/api/x`. */
  readonly rest: string;
  /** App named by `__appName`. */
  readonly queryApp: string | undefined;
  /** `?…` without `__appName`, or empty. */
  readonly query: string;
}

/** The request target can't be read safely; `message` says why. */
export class TargetError extends Error {}

const QUERY_KEY = "__appName";

/**
 * Parses a request target in origin form.
 *
 * NocoBase parses it once more with `url.parse` and `qs`, which turn `\` into `/`, cut at `#`, and find
 * `__appName` in keys such as `[__appName]`. Whatever the two could read differently is refused here.
 * @throws {TargetError}
 */
export function parseTarget(url: string): RequestTarget {
  const cut = url.indexOf("?");
  const path = cut === -1 ? url : url.slice(0, cut);
  if (!path.startsWith("/")) throw new TargetError("the request target is not a path");
  if (/[\\#]/.test(path) || url.includes("#")) throw new TargetError("the path holds \\ or #");
  const decoded = decode(path);
  if (decoded === undefined) throw new TargetError("the path is not valid percent-encoding");
  if (/(^|[/\\])\.\.?([/\\]|$)/.test(decoded)) throw new TargetError("the path holds . or .. segments");
  return { path, ...classify(path, decoded), ...splitQuery(cut === -1 ? "" : url.slice(cut + 1)) };
}

function classify(path: string, decoded: string): Pick<RequestTarget, "kind" | "app" | "rest"> {
  const [, first = "", second = "", third = "", ...more] = path.split("/");
  if (first === "apps") return { kind: "page", app: decode(second), rest: join([third, ...more]) };
  if (first === "v" && second === "apps")
    return { kind: "page", app: decode(third), rest: join(["v", ...more]) };
  if (first === "api" && second === "__app") {
    return { kind: "api", app: decode(third), rest: join(["api", ...more]) };
  }
  if (first === "files" && second !== "")
    return { kind: "file", app: decode(second), rest: join([third, ...more]) };
  const [root, folder, ...names] = decoded.split(/[/\\]+/).slice(1);
  if (root === "storage" && folder === "uploads") {
    return { kind: "upload", app: names.length > 1 ? names[0] : undefined, rest: path };
  }
  return { kind: "plain", app: undefined, rest: path };
}

function join(segments: readonly string[]): string {
  return `/${segments.join("/")}`;
}

function splitQuery(query: string): Pick<RequestTarget, "query" | "queryApp"> {
  if (query === "") return { query: "", queryApp: undefined };
  const apps = new Set<string>();
  const kept = query.split("&").filter((part) => {
    const [key, value] = splitPair(part);
    if (!key.includes(QUERY_KEY)) return true;
    // Any other key that holds the word, `[__appName]` say, is a disguise: no app has the empty name.
    apps.add(key === QUERY_KEY ? value : "");
    return false;
  });
  if (apps.size > 1) throw new TargetError(`${QUERY_KEY} is given twice`);
  const [queryApp] = apps;
  return { query: kept.length > 0 ? `?${kept.join("&")}` : "", queryApp };
}

/** Key and value as `qs` finds them: `]=` ends a key before `=` does, and each half is decoded by itself. */
function splitPair(part: string): [key: string, value: string] {
  const bracket = part.indexOf("]=");
  const equals = bracket === -1 ? part.indexOf("=") : bracket + 1;
  const halves = equals === -1 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
  const [key = "", value = ""] = halves.map((half) => decode(half.replace(/\+/g, " ")) ?? half);
  return [key, value];
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
