import assert from "node:assert/strict";
import fc from "fast-check";
import { Routing } from "../../plugins/supervisor/src/server/entry/routing";
import { Targets } from "../../plugins/supervisor/src/server/entry/targets";
import type { App } from "../../plugins/supervisor/src/server/registry/control";

function app(name: string, values: Partial<App> = {}): App {
  return {
    name,
    title: name.toUpperCase(),
    isolation: "shared",
    environment: "blue",
    release: "2.2.15",
    url: `http://${name}.example.com:8080`,
    declaredState: "running",
    state: "running",
    held: false,
    replicas: 1,
    instanceUrl: null,
    lastError: null,
    targets: ["http://10.0.0.1:13000"],
    ...values,
  };
}
const dedicated = { isolation: "dedicated", environment: null } as const;
const ask = (url: string, app?: string) => ({ url, host: "fleet.example.com:8080", app });

describe("requests that come to the entry app", () => {
  const routing = new Routing([app("crm"), app("erp", dedicated)]);

  it("go to a shared app by every way that names it, as that app's", () => {
    for (const request of [
      ask("/api/__app/crm/users:list?page=2"),
      ask("/api/users:list?page=2", "crm"),
      ask("/api/users:list?page=2&__appName=crm"),
    ]) {
      const access = routing.decide(request);
      assert.ok(access.kind === "pass");
      assert.equal(access.decision.path, "/api/users:list?page=2");
      assert.deepEqual([access.decision.appName, access.decision.hostname], ["crm", "fleet.example.com"]);
    }
    for (const url of ["/apps/crm/admin", "/files/crm/a.png", "/storage/uploads/crm/a.png"])
      assert.equal(routing.decide(ask(url)).kind, "pass", url);
  });

  it("go to a dedicated app without the entry app's cookies, and its pages to its own host", () => {
    const access = routing.decide(ask("/api/__app/erp/users:list"));
    assert.ok(access.kind === "pass");
    assert.deepEqual([access.decision.appName, access.decision.withoutCookies], ["main", true]);
    assert.deepEqual(routing.decide(ask("/apps/erp/admin/x?a=1")), {
      kind: "redirect",
      location: "http://erp.example.com:8080/admin/x?a=1",
    });
  });

  it("stay with the entry app where they name no app of the fleet, or itself", () => {
    for (const url of ["/", "/admin", "/api/users:list", "/api/__app/nosuch/x", "/apps/nosuch/", "/%zz"])
      assert.equal(routing.decide(ask(url)).kind, "own", url);
    assert.equal(routing.decide(ask("/api/users:list", "main")).kind, "own");
  });

  it("get a notice in place of an app that is stopped, silent, or has no address that it is declared to have", () => {
    const code = (values: Partial<App>): unknown => {
      const access = new Routing([app("crm", values)]).decide(ask("/api/__app/crm/x"));
      return access.kind === "notice" ? access.notice.code : access.kind;
    };
    assert.equal(code({ state: "stopped", held: true }), "APP_STOPPED");
    assert.equal(code({ state: "stopped", declaredState: "stopped" }), "APP_STOPPED");
    // It waits for its first visit.
    assert.equal(code({ state: "stopped" }), "pass");
    assert.equal(code({ state: "unavailable", targets: [] }), "APP_UNAVAILABLE");
    assert.equal(code({ state: "pending" }), "APP_STARTING");
    assert.equal(code({ targets: [] }), "APP_STARTING");
  });

  it("never go to an app that the request doesn't name", () => {
    const names = ["crm", "erp", "main", "other", ""];
    const name = fc.constantFrom(...names);
    fc.assert(
      fc.property(
        name,
        name,
        name,
        fc.constantFrom("/api/__app/", "/apps/", "/files/"),
        (path, query, header, way) => {
          const access = routing.decide(ask(`${way}${path}/x?__appName=${query}`, header));
          if (access.kind !== "pass") return;
          const asked = new Set(
            [path, query, header].filter((each) => each !== "main" && (each !== "" || way !== "/files/")),
          );
          assert.deepEqual([...asked], [access.decision.route.key]);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("the processes of an app", () => {
  it("are asked in turn, without those that refuse, until none is left", () => {
    const targets = new Targets();
    const urls = ["http://a", "http://b", "http://c"];
    targets.exchange(new Map([["erp", urls]]));
    const next = (): string | undefined => {
      const url = targets.choose({ key: "erp" });
      targets.begin()();
      return url;
    };
    assert.deepEqual(new Set([next(), next(), next()]), new Set(urls));
    targets.refused("http://b");
    for (let turn = 0; turn < 6; turn++) assert.notEqual(next(), "http://b");
    assert.equal(targets.choose({ key: "erp" }, new Set(["http://a", "http://c"])), "http://b");
    assert.equal(targets.choose({ key: "erp" }, new Set(urls)), undefined);
    assert.equal(targets.choose({ key: "nosuch" }), undefined);
  });
});
