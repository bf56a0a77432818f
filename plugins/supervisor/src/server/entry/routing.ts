import { parseHost } from "../../../../../providers/local/gateway/address";
import { compile, type CompiledTable } from "../../../../../providers/local/gateway/compiled";
import { notices, type Notice } from "../../../../../providers/local/gateway/pages";
import { route, type Proxied } from "../../../../../providers/local/gateway/router";
import type { GatewayRoute, RoutingTable } from "../../../../../providers/local/gateway/routes";
import type { App } from "../registry/control";

/** An address of this machine, which every router takes for the entry app's: whatever its host, a request came to it. */
const HERE = "localhost";
const NOBODY = "http://nobody.invalid";

/** What is to become of a request that came to the entry app. */
export type Access =
  | { readonly kind: "own" }
  | { readonly kind: "pass"; readonly decision: Proxied }
  | { readonly kind: "notice"; readonly notice: Notice }
  | { readonly kind: "redirect"; readonly location: string };

export interface AccessRequest {
  readonly url: string;
  readonly host: string | undefined;
  /** The client's `X-App` header. */
  readonly app: string | undefined;
}

/** Where each app is, as the gateway's router reads it. */
export class Routing {
  readonly table: RoutingTable;
  /** Addresses by app, of those that take requests. */
  readonly targets: ReadonlyMap<string, readonly string[]>;
  private readonly compiled: CompiledTable;
  private readonly notices: ReadonlyMap<string, Notice>;
  private readonly urls: ReadonlyMap<string, string>;

  constructor(apps: readonly App[]) {
    this.notices = new Map(
      apps.flatMap((app): [string, Notice][] => {
        const notice = noticeFor(app);
        return notice ? [[app.name, notice]] : [];
      }),
    );
    this.targets = new Map(apps.map(({ name, targets }) => [name, targets]));
    this.urls = new Map(apps.map(({ name, url }) => [name, url]));
    this.table = {
      host: "",
      port: 0,
      domain: HERE,
      // Each app has a limit of its own, and so has the gateway.
      uploadLimitMiB: Number.POSITIVE_INFINITY,
      behindProxy: true,
      routes: [
        { key: "entry", kind: "entry", title: "", hosts: [HERE], target: NOBODY, state: "running" },
        ...apps.map((app) => this.routeOf(app)),
      ],
    };
    this.compiled = compile(this.table, "");
  }

  /** Decides on a request; one that names no app, or one that isn't in this fleet, is the entry app's own. */
  decide(request: AccessRequest): Access {
    const decision = route({ ...request, host: HERE }, this.compiled);
    if (decision.kind === "stopped")
      return { kind: "notice", notice: this.notices.get(decision.route.key) ?? notices.stopped("") };
    if (decision.kind === "redirect") {
      const base = this.urls.get(decision.route.key) ?? "";
      return {
        kind: "redirect",
        location: base + decision.location.slice(`//${hostOf(decision.route.key)}`.length),
      };
    }
    if (decision.kind !== "proxy" || decision.route.kind === "entry") return { kind: "own" };
    const hostname = parseHost(request.host)?.name ?? HERE;
    return { kind: "pass", decision: { ...decision, hostname } };
  }

  private routeOf({ name, title, isolation, environment }: App): GatewayRoute {
    return {
      key: name,
      kind: "app",
      title,
      isolation: isolation === "dedicated" ? "dedicated" : "shared",
      hosts: [hostOf(name)],
      // Tells those of one process from others'; who answers is chosen for each request.
      target: `${NOBODY}/${environment ?? name}`,
      state: this.notices.has(name) ? "stopped" : "running",
    };
  }
}

/** No request comes with it: hosts are the gateway's matter. */
function hostOf(app: string): string {
  return `${app}.invalid`;
}

/** What is said in an app's place where no request may reach it. */
function noticeFor({ title, state, held, declaredState, targets }: App): Notice | undefined {
  if (state === "unavailable") return notices.unavailable(title);
  if (held || declaredState === "stopped") return notices.stopped(title);
  if (state === "pending" || targets.length === 0) return notices.starting(title);
  return undefined;
}
