import assert from "node:assert/strict";
import fc from "fast-check";
import { parseHost, parseTarget } from "../../providers/local/gateway/address";
import { route, type Decision } from "../../providers/local/gateway/router";
import { ROUTES, table, tableOf } from "./gateway-routes";

function ask(host: string, url: string, appHeader?: string): Decision {
  return route({ url, host, app: appHeader }, table);
}

/** A decision in one line: where the request goes, as what, or why not. */
function brief(decision: Decision): string {
  switch (decision.kind) {
    case "proxy":
      return `${decision.route.key} as ${decision.appName}: ${decision.path}${decision.withoutCookies ? " (no cookies)" : ""}`;
    case "redirect":
      return `to ${decision.location}`;
    case "stopped":
      return `stopped ${decision.route.key}`;
    case "unknown":
      return `unknown ${decision.what}`;
    case "known":
      return decision.known ? "a host of the fleet" : "no host of the fleet";
    case "invalid":
    case "health":
      return decision.kind;
  }
}

describe("gateway router", () => {
  const cases: [host: string, url: string, header: string | undefined, expected: string][] = [
    // An app's own host, root path.
    ["crm.fleet.test:13000", "/", undefined, "crm as crm: /"],
    ["CRM.Fleet.Test", "/admin?x=1", undefined, "crm as crm: /admin?x=1"],
    ["crm.fleet.test.", "/", undefined, "crm as crm: /"],
    ["sales.example.com", "/api/users:list", undefined, "crm as crm: /api/users:list"],
    ["erp.fleet.test", "/api/users:list", undefined, "erp as main: /api/users:list"],
    ["blue.fleet.test", "/admin", undefined, "blue as main: /admin"],
    ["crm.fleet.test", "/ws", undefined, "crm as crm: /ws"],
    // Asked by a proxy, whatever the Host.
    ["gateway:8080", "/__fleet/known-host?domain=crm.fleet.test", undefined, "a host of the fleet"],
    ["gateway:8080", "/__fleet/known-host?domain=Sales.Example.com", undefined, "a host of the fleet"],
    ["gateway:8080", "/__fleet/known-host?domain=fleet.test", undefined, "a host of the fleet"],
    ["gateway:8080", "/__fleet/known-host?domain=other.test", undefined, "no host of the fleet"],
    ["gateway:8080", "/__fleet/known-host", undefined, "no host of the fleet"],
    // Its own name may be repeated, in any way NocoBase knows.
    ["crm.fleet.test", "/api/x", "crm", "crm as crm: /api/x"],
    ["crm.fleet.test", "/api/x", "main", "crm as crm: /api/x"],
    ["crm.fleet.test", "/api/x?a=1&__appName=crm&b=2", undefined, "crm as crm: /api/x?a=1&b=2"],
    ["crm.fleet.test", "/ws?__appName=crm", undefined, "crm as crm: /ws"],
    ["crm.fleet.test", "/api/__app/crm/x?y=1", undefined, "crm as crm: /api/x?y=1"],
    ["erp.fleet.test", "/api/__app/erp/x", "erp", "erp as main: /api/x"],
    [
      "erp.fleet.test",
      "/files/erp/main/attachments/1.png",
      undefined,
      "erp as main: /files/main/main/attachments/1.png",
    ],
    ["crm.fleet.test", "/files/main/main/a/1.png", undefined, "crm as crm: /files/crm/main/a/1.png"],
    ["crm.fleet.test", "/files/%63rm/main/a/1.png", undefined, "crm as crm: /files/crm/main/a/1.png"],
    ["crm.fleet.test:8080", "/apps/crm/admin/x?y=1", undefined, "to //crm.fleet.test:8080/admin/x?y=1"],
    ["sales.example.com", "/v/apps/crm/admin", undefined, "to //sales.example.com/v/admin"],
    ["erp.fleet.test", "/apps/erp", undefined, "to //erp.fleet.test/"],
    // Another app's name never works there.
    ["crm.fleet.test", "/api/x", "support", "unknown app"],
    ["crm.fleet.test", "/api/x", "crm, support", "unknown app"],
    ["crm.fleet.test", "/api/x?__appName=support", undefined, "unknown app"],
    ["crm.fleet.test", "/ws?%5F_appName=support", undefined, "unknown app"],
    ["crm.fleet.test", "/ws?%5F_appName=%zz", undefined, "unknown app"],
    ["crm.fleet.test", "/ws?__appName[]=support", undefined, "unknown app"],
    ["crm.fleet.test", "/ws?[__appName]=support", undefined, "unknown app"],
    ["crm.fleet.test", "/api/__app/support/x", undefined, "unknown app"],
    ["crm.fleet.test", "/api/__app/crm/__app/support/x", undefined, "unknown app"],
    ["crm.fleet.test", "/api/__app/", undefined, "unknown app"],
    ["crm.fleet.test", "/apps/support/admin", undefined, "unknown app"],
    ["crm.fleet.test", "/v/apps/support/admin", undefined, "unknown app"],
    ["crm.fleet.test", "/files/support/main/a/1.png", undefined, "unknown app"],
    ["erp.fleet.test", "/api/x", "crm", "unknown app"],
    ["blue.fleet.test", "/api/x", "crm", "unknown app"],
    ["blue.fleet.test", "/apps/crm/admin", undefined, "to //crm.fleet.test/admin"],
    ["blue.fleet.test", "/apps/asleep/admin", undefined, "stopped asleep"],
    // Uploads of one instance lie in one folder; an app reads its own subfolder.
    [
      "crm.fleet.test",
      "/storage/uploads/crm/a.png?__appName=crm",
      undefined,
      "crm as crm: /storage/uploads/crm/a.png",
    ],
    ["crm.fleet.test", "/storage/uploads/logo.png", undefined, "crm as crm: /storage/uploads/logo.png"],
    ["crm.fleet.test", "/storage/uploads/support/a.png", undefined, "unknown page"],
    ["crm.fleet.test", "/storage/uploads/%73upport/a.png", undefined, "unknown page"],
    ["crm.fleet.test", "/storage/uploads//support/a.png", undefined, "unknown page"],
    ["crm.fleet.test", "/storage/uploads/support%2Fa.png", undefined, "unknown page"],
    ["crm.fleet.test", "/storage/uploads/crm/../support/a.png", undefined, "invalid"],
    ["crm.fleet.test", "/storage/uploads/crm/%2e%2e%2fsupport/a.png", undefined, "invalid"],
    ["blue.fleet.test", "/storage/uploads/crm/a.png", undefined, "unknown page"],
    [
      "blue.fleet.test",
      "/storage/uploads/other/a.png",
      undefined,
      "blue as main: /storage/uploads/other/a.png",
    ],
    ["erp.fleet.test", "/storage/uploads/old/a.png", undefined, "erp as main: /storage/uploads/old/a.png"],
    // The base domain: the entry app, and apps by every other way.
    ["fleet.test", "/", undefined, "entry as main: /"],
    ["fleet.test", "/api/x", "main", "entry as main: /api/x"],
    ["127.0.0.1:13000", "/admin", undefined, "entry as main: /admin"],
    ["[::1]:13000", "/admin", undefined, "entry as main: /admin"],
    ["localhost:13000", "/admin", undefined, "entry as main: /admin"],
    ["fleet.test", "/files/main/main/a/1", undefined, "entry as main: /files/main/main/a/1"],
    ["fleet.test", "/apps/crm/admin", undefined, "crm as crm: /apps/crm/admin"],
    ["fleet.test", "/v/apps/crm/admin?x", undefined, "crm as crm: /v/apps/crm/admin?x"],
    ["fleet.test", "/api/__app/crm/x", undefined, "crm as crm: /api/x"],
    ["fleet.test", "/api/x", "crm", "crm as crm: /api/x"],
    ["fleet.test", "/ws?__appName=crm", undefined, "crm as crm: /ws"],
    ["fleet.test", "/files/crm/main/a/1", undefined, "crm as crm: /files/crm/main/a/1"],
    ["fleet.test", "/storage/uploads/crm/a.png", undefined, "crm as crm: /storage/uploads/crm/a.png"],
    ["fleet.test", "/storage/uploads/logo.png", undefined, "entry as main: /storage/uploads/logo.png"],
    ["fleet.test:13000", "/apps/erp/admin?x=1", undefined, "to //erp.fleet.test:13000/admin?x=1"],
    ["127.0.0.1:13000", "/v/apps/erp/", undefined, "to //erp.fleet.test:13000/v/"],
    ["fleet.test", "/api/__app/erp/x?__appName=erp", "erp", "erp as main: /api/x (no cookies)"],
    ["fleet.test", "/ws?__appName=erp", undefined, "erp as main: /ws (no cookies)"],
    ["fleet.test", "/api/__app/crm/x", "support", "unknown app"],
    ["fleet.test", "/storage/uploads/support/a.png?__appName=crm", undefined, "unknown app"],
    ["fleet.test", "/apps/nope/admin", undefined, "unknown app"],
    ["fleet.test", "/apps/blue/admin", undefined, "unknown app"],
    ["fleet.test", "/apps/main/admin", undefined, "unknown app"],
    ["fleet.test", "/api/__app/nope/x", undefined, "unknown app"],
    ["fleet.test", "/api/x", "__proto__", "unknown app"],
    // Stopped apps.
    ["asleep.fleet.test", "/", undefined, "stopped asleep"],
    ["asleep.fleet.test", "/apps/asleep/", undefined, "stopped asleep"],
    ["fleet.test", "/apps/asleep/", undefined, "stopped asleep"],
    ["fleet.test", "/api/x", "asleep", "stopped asleep"],
    ["fleet.test", "/ws?__appName=asleep", undefined, "stopped asleep"],
    // Elsewhere.
    ["nope.fleet.test", "/", undefined, "unknown host"],
    ["evil.example", "/", undefined, "unknown host"],
    ["crm.localhost", "/", undefined, "unknown host"],
    ["nope.fleet.test", "/__fleet/health", undefined, "health"],
    ["crm.fleet.test", "/__fleet/health?x", undefined, "health"],
    ["crm.fleet.test", "/__fleet/", undefined, "unknown page"],
    ["crm.fleet.test", "/__fleet", undefined, "unknown page"],
    // What can be read in two ways isn't read.
    ["crm.fleet.test", "/api\\__app\\support\\x", undefined, "invalid"],
    ["crm.fleet.test", "/x#?__appName=support", undefined, "invalid"],
    ["crm.fleet.test", "http://support.fleet.test/", undefined, "invalid"],
    ["crm.fleet.test", "*", undefined, "invalid"],
    ["crm.fleet.test", "/%zz", undefined, "invalid"],
    ["crm.fleet.test", "/x?__appName=crm&__appName=support", undefined, "invalid"],
    ["crm.fleet.test@support.fleet.test", "/", undefined, "invalid"],
    ["crm.fleet.test, support.fleet.test", "/", undefined, "invalid"],
    ["crm.fleet.test/x", "/", undefined, "invalid"],
    ["crm.fleet.test:80\r\nX-App: support", "/", undefined, "invalid"],
    ["[::zz]", "/", undefined, "invalid"],
    ["", "/", undefined, "invalid"],
  ];
  for (const [host, url, header, expected] of cases) {
    const named = header === undefined ? "" : ` X-App ${header}`;
    it(`${JSON.stringify(host)} ${url}${named} → ${expected}`, () => {
      assert.equal(brief(ask(host, url, header)), expected);
    });
  }

  it("refuses a request without a Host header", () => {
    assert.equal(route({ url: "/", host: undefined, app: undefined }, table).kind, "invalid");
  });

  it("has no page for the base domain where no entry app is routed", () => {
    const bare = tableOf(ROUTES.filter((entry) => entry.kind !== "entry"));
    assert.equal(brief(route({ url: "/", host: "fleet.test", app: undefined }, bare)), "unknown page");
  });
});

describe("gateway addresses", () => {
  it("parses hosts of any text without throwing", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseHost(text)));
    assert.deepEqual(parseHost("A.b:80"), { name: "a.b", port: ":80" });
  });

  it("drops __appName alone from a query", () => {
    assert.equal(parseTarget("/x?a=__appName&b=%20").query, "?a=__appName&b=%20");
    assert.equal(parseTarget("/x?__appName=crm").query, "");
  });
});
