import assert from "node:assert/strict";
import fc from "fast-check";
import { route, type GatewayRequest } from "../../providers/local/gateway/router";
import { ENTRY, routeOf, ROUTES, table, tableOf } from "./gateway-routes";

const KEYS = ["crm", "support", "asleep", "erp", "hr"];
const NAMES = [...KEYS, "blue", "entry", "main", "nope", "", "%63rm", "__proto__"];

const anyTable = fc
  .tuple(
    ...KEYS.map((key) =>
      fc
        .record({
          isolation: fc.constantFrom("shared" as const, "dedicated" as const),
          state: fc.constantFrom("running" as const, "stopped" as const),
        })
        .map((more) => routeOf(key, more.isolation, { state: more.state })),
    ),
  )
  .map((apps) => tableOf([ENTRY, ...ROUTES.filter((entry) => entry.kind === "environment"), ...apps]));

const name = fc.constantFrom(...NAMES);
const part = fc.oneof(
  name,
  fc.constantFrom(
    "api",
    "__app",
    "apps",
    "v",
    "files",
    "storage",
    "uploads",
    "ws",
    "..",
    "%2e%2e",
    "%2f",
    "\\",
    "a.png",
  ),
  fc.string({ maxLength: 4 }),
);
const path = fc.oneof(
  fc.array(part, { maxLength: 6 }).map((parts) => `/${parts.join("/")}`),
  fc
    .tuple(
      fc.constantFrom(
        "/apps/",
        "/v/apps/",
        "/api/__app/",
        "/files/",
        "/storage/uploads/",
        "/api/",
        "/api/__app/crm/__app/",
      ),
      name,
      fc.array(part, { maxLength: 3 }),
    )
    .map(([prefix, key, rest]) => [prefix + key, ...rest].join("/")),
);
const queryPart = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        "__appName",
        "%5F_appName",
        "__appName[]",
        "[__appName]",
        "[__appName",
        "x",
        "__appName[a]",
        "+__appName",
      ),
      fc.oneof(name, fc.constant("%zz")),
    )
    .map(([key, value]) => `${key}=${value}`),
  fc.string({ maxLength: 5 }),
);
const request: fc.Arbitrary<GatewayRequest> = fc
  .tuple(
    path,
    fc.array(queryPart, { maxLength: 3 }),
    fc.oneof(
      fc.constantFrom("fleet.test", "127.0.0.1", "blue.fleet.test", "nope.fleet.test"),
      fc.constantFrom(...KEYS).map((key) => `${key}.fleet.test`),
    ),
    fc.option(name, { nil: undefined }),
  )
  .map(([where, query, host, header]) => ({
    url: query.length > 0 ? `${where}?${query.join("&")}` : where,
    host,
    app: header,
  }));

/** The app NocoBase 2.2 picks for a request: `/files/` over `/api/__app/` over `__appName` over `X-App`. */
function pickedByNocoBase(url: string, header: string): string {
  const [location = ""] = url.split("#", 1);
  const cut = location.indexOf("?");
  const pathname = (cut === -1 ? location : location.slice(0, cut)).replaceAll("\\", "/");
  let picked = header;
  for (const pair of cut === -1 ? [] : location.slice(cut + 1).split("&")) {
    const [key = "", value = ""] = pair.split("=");
    const plain = safely(key.replaceAll("+", " "));
    if (/^\[?__appName(\]|\[|$)/.test(plain)) picked = safely(value);
  }
  const [, first, second, third] = pathname.split("/");
  if (first === "api" && second === "__app" && third) picked = third;
  if (first === "files" && second) picked = safely(second);
  return picked;
}

function safely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

describe("gateway router, any table and request", () => {
  it("never passes on a request for a stopped app, nor lets a host reach another app", () => {
    fc.assert(
      fc.property(anyTable, request, (any, asked) => {
        const decision = route(asked, any);
        const owner = any.byHost.get(asked.host ?? "");
        if (decision.kind === "redirect" && owner?.kind === "app") {
          assert.equal(decision.route, owner);
          assert.ok(decision.location.startsWith(`//${asked.host}/`), decision.location);
        }
        if (decision.kind === "redirect") assert.equal(decision.route.state, "running");
        if (decision.kind !== "proxy") return;
        assert.equal(decision.route.state, "running");
        if (owner) assert.equal(decision.route, owner);
        const shared = decision.route.isolation === "shared";
        assert.equal(decision.appName, shared ? decision.route.key : "main");
        assert.equal(pickedByNocoBase(decision.path, decision.appName), decision.appName, decision.path);
      }),
      { numRuns: 10_000 },
    );
  });

  it("ends every chain of redirects", () => {
    fc.assert(
      fc.property(anyTable, request, (any, asked) => {
        let decision = route(asked, any);
        for (let hops = 0; decision.kind === "redirect"; hops++) {
          assert.ok(hops < 8, asked.url);
          const { host, pathname, search } = new URL(`http:${decision.location}`);
          decision = route({ url: pathname + search, host, app: undefined }, any);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("passes plain requests of a running app's host on as they are", () => {
    const plain = fc
      .webPath({ size: "small" })
      .filter((text) => /^\/(?!api\/__app|apps|v\/apps|files|__fleet|storage)/.test(text));
    fc.assert(
      fc.property(plain, fc.webQueryParameters(), (where, query) => {
        fc.pre(
          !where.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment)) &&
            !query.includes("__appName"),
        );
        const url = query ? `${where}?${query}` : where;
        const decision = route({ url, host: "crm.fleet.test", app: undefined }, table);
        if (decision.kind === "proxy") assert.equal(decision.path, url);
        else assert.throws(() => decodeURIComponent(where));
      }),
    );
  });
});
