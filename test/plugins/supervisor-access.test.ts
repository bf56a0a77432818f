/** Access to the fleet's apps through the entry app, and dedicated apps under its command, on real NocoBase. */
import assert from "node:assert/strict";
import { request as open, type IncomingMessage } from "node:http";
import { send } from "../../providers/nocobase/client/http";
import { skipBecause } from "../support/skip";
import { Browser, findBrowser } from "./support/browser";
import { TestPostgres } from "./support/postgres";
import { eventually } from "./support/registry";
import type { Replica } from "./support/replicas";
import { SupervisedFleet } from "./support/supervised-fleet";

const PAGE = { headers: { Accept: "text/html" } };

describe("apps by way of the entry app", function () {
  this.timeout(600_000);
  let postgres: TestPostgres;
  let fleet: SupervisedFleet;
  const latencies: string[] = [];

  before(async () => {
    postgres = await TestPostgres.start();
    fleet = await SupervisedFleet.make(postgres, { blue: ["crm"] }, { erp: 2 });
    await fleet.start();
    for (const app of ["crm", "erp"]) await fleet.shows(app, "running");
  });
  after(async () => {
    console.log(`      ${latencies.join("; ")}`);
    await fleet.stop();
    await postgres.stop();
  });

  const call = (app: string) => send(fleet.control.url, `/api/__app/${app}/app:getLang`, {});
  const erp = (): readonly Replica[] => fleet.dedicated.erp!.replicas;
  const does = async (action: string, app: string): Promise<void> => {
    const began = Date.now();
    const record = await fleet.outcome(await fleet.command(action, app));
    assert.deepEqual([record.outcome, record.error], ["done", null], `${action} ${app}`);
    latencies.push(`${action} ${app} ${Date.now() - began} ms`);
  };

  it("passes pages, API calls and WebSockets of a shared app on to its environment", async () => {
    assert.equal((await call("crm")).status, 200);
    const account = { account: "root@example.com", password: "password-of-the-root" };
    const signIn = await send(fleet.control.url, "/api/__app/crm/auth:signIn", {
      method: "POST",
      headers: { "X-Authenticator": "basic" },
      body: account,
    });
    assert.equal(signIn.status, 200, JSON.stringify(signIn.body));
    const { token } = (signIn.body as { data: { token: string } }).data;
    const authorization = { Authorization: `Bearer ${token}`, "X-Authenticator": "basic" };
    const own = await send(fleet.control.url, "/api/users:list", {
      headers: { ...authorization, "X-App": "crm" },
    });
    assert.equal(own.status, 200);
    // The entry app takes no other app's token.
    assert.equal((await send(fleet.control.url, "/api/users:list", { headers: authorization })).status, 401);
    const page = await fetch(`${fleet.control.url}/apps/crm/admin`, PAGE);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<html/);
    assert.equal(await upgrade(fleet.control, "/ws?__appName=crm"), 101);
    await eventually("the environment has the socket", async () =>
      (await fleet.environment("blue").log()).includes("client tags: app#crm") ? true : undefined,
    );
  });

  it("passes those of a dedicated app on to its replicas, of which one may end", async () => {
    for (let call_ = 0; call_ < 4; call_++) assert.equal((await call("erp")).status, 200);
    assert.equal(await upgrade(fleet.control, "/ws?__appName=erp"), 101);
    const page = await fetch(`${fleet.control.url}/apps/erp/admin?a=1`, { ...PAGE, redirect: "manual" });
    assert.deepEqual([page.status, page.headers.get("location")], [302, "http://erp.localhost/admin?a=1"]);
    const second = erp()[1]!;
    second.kill("SIGKILL");
    for (let call_ = 0; call_ < 20; call_++) assert.equal((await call("erp")).status, 200);
    await second.ended();
    await second.run();
    await second.healthy();
    await eventually("both serve", async () => ((await replicas(fleet)) === 2 ? true : undefined));
  });

  it("keeps its own requests to itself, and those for no app of the fleet", async () => {
    assert.equal((await send(fleet.control.url, "/api/app:getLang", {})).status, 200);
    assert.notEqual((await call("nosuch")).status, 200);
    assert.equal(await upgrade(fleet.control, "/ws"), 101);
  });

  it("shows a page in place of a stopped app, and doesn't wake it", async () => {
    await does("stop", "crm");
    await eventually("the page is there", async () =>
      (await call("crm")).status === 503 ? true : undefined,
    );
    assert.match(JSON.stringify((await call("crm")).body), /APP_STOPPED/);
    const page = await fetch(`${fleet.control.url}/apps/crm/admin`, PAGE);
    assert.equal(page.status, 503);
    assert.match(await page.text(), /crm is stopped/);
    assert.equal(await upgrade(fleet.control, "/ws?__appName=crm"), 503);
    assert.equal((await fleet.app("crm"))?.state, "stopped");
    await does("start", "crm");
    await eventually("it serves", async () => ((await call("crm")).status === 200 ? true : undefined));
  });

  it("stops a dedicated app with all its replicas, which stay stopped over their restart", async () => {
    await does("stop", "erp");
    await fleet.shows("erp", "stopped");
    for (const replica of erp()) {
      assert.equal(await replica.health(), 200, "the process is well");
      const reply = await send(replica.url, "/api/app:getLang", {});
      assert.equal(reply.status, 503);
      assert.match(JSON.stringify(reply.body), /APP_STOPPED/);
    }
    assert.match(JSON.stringify((await call("erp")).body), /APP_STOPPED/);
    const [first] = erp();
    first!.kill("SIGKILL");
    await first!.ended();
    await first!.run();
    await first!.healthy();
    await fleet.shows("erp", "stopped");
    assert.equal((await send(first!.url, "/api/app:getLang", {})).status, 503);
  });

  it("starts and restarts a dedicated app", async () => {
    await does("start", "erp");
    await fleet.shows("erp", "running");
    await eventually("both serve", async () => ((await replicas(fleet)) === 2 ? true : undefined));
    for (const replica of erp()) assert.equal((await send(replica.url, "/api/app:getLang", {})).status, 200);
    await does("restart", "erp");
    assert.equal((await call("erp")).status, 200);
  });

  it("is shown and commanded on the page, where requests are written down", async function () {
    const program = findBrowser();
    if (program === undefined)
      skipBecause(this, "no Chromium on this machine (Debian: apt install chromium)");
    const browser = await Browser.start(program);
    try {
      const token = await fleet.control.signIn();
      await browser.open(`${fleet.control.url}/`);
      await browser.sees("the client", "document.querySelector('input[type=password]')");
      await browser.value(`localStorage.setItem("NOCOBASE_TOKEN", ${JSON.stringify(token)})`);
      await browser.value('localStorage.setItem("NOCOBASE_AUTH", "basic")');
      await browser.open(`${fleet.control.url}/admin/settings/supervisor`);
      const row = (app: string) => `document.querySelector('#fleet-apps tr[data-row-key=${app}]')`;
      await browser.sees("crm as running", `${row("crm")}?.innerText.includes("running")`);
      await browser.sees("erp on its own", `${row("erp")}.innerText.includes("dedicated")`);
      await browser.sees("the link", `${row("crm")}.querySelector('a[href="http://crm.localhost"]')`);
      await browser.sees(
        "blue",
        `document.querySelector('#fleet-environments').innerText.includes("available")`,
      );
      await shot(browser, "running");
      await browser.value(`${row("crm")}.querySelector('[data-action=stop]').click()`);
      await browser.sees("crm as stopped", `${row("crm")}.innerText.includes("stopped")`);
      await browser.sees(
        "who did it",
        `document.querySelector('#fleet-commands').innerText.includes("stop crm")`,
      );
      await shot(browser, "stopped");
      await browser.value(`${row("crm")}.querySelector('[data-action=start]').click()`);
      await browser.sees("crm as running again", `${row("crm")}.innerText.includes("running")`);
    } finally {
      await browser.stop();
    }
  });

  it("writes down what people ask for, of those who may", async () => {
    const { control } = fleet;
    const ask = (values: object) =>
      control.request("applicationRequests:create", { method: "POST", body: values });
    assert.equal((await ask({ action: "create", app: "hr", environmentName: "blue" })).status, 200);
    assert.equal((await ask({ action: "remove", app: "crm" })).status, 200);
    for (const wrong of [
      { action: "create", app: "crm", environmentName: "blue" },
      { action: "create", app: "Not a key", environmentName: "blue" },
      { action: "create", app: "hr2", environmentName: "nosuch" },
      { action: "remove", app: "nosuch" },
      { action: "drop", app: "crm" },
    ])
      assert.ok([400, 404].includes((await ask(wrong)).status), JSON.stringify(wrong));
    const requests = await control.get<{ requestId: string; app: string; state: string }[]>(
      "applicationRequests:list",
      { sort: "requestedAt" },
    );
    assert.deepEqual(
      requests.map(({ app, state }) => [app, state]),
      [
        ["hr", "open"],
        ["crm", "open"],
      ],
    );
    const decide = { method: "POST", query: { filterByTk: requests[0]!.requestId } } as const;
    const body = { state: "rejected", answer: "not yet" };
    assert.equal((await control.request("applicationRequests:decide", { ...decide, body })).status, 200);
    assert.equal((await control.request("applicationRequests:decide", { ...decide, body })).status, 404);
    const denied = await control.request("applicationRequests:update", {
      ...decide,
      body: { state: "open" },
    });
    assert.equal(denied.status, 405);
  });

  it("shows a page in place of an app whose environment is gone", async () => {
    const blue = fleet.environment("blue");
    blue.kill("SIGKILL");
    const gone = await fleet.shows("crm", "unavailable");
    assert.ok(gone < 15_000, `${gone} ms`);
    // Who passes requests on may learn of it a moment after the collection.
    await eventually("a page says so", async () => {
      const page = await fetch(`${fleet.control.url}/apps/crm/admin`, PAGE);
      assert.equal(page.status, 503);
      return /crm is unavailable/.test(await page.text()) ? true : undefined;
    });
    assert.equal((await call("erp")).status, 200);
    await blue.ended();
    await blue.run();
    await blue.healthy();
    await eventually("it serves again", async () => ((await call("crm")).status === 200 ? true : undefined));
  });
});

async function replicas(fleet: SupervisedFleet): Promise<number> {
  const { replicas: ready } = await fleet.control.get<{ replicas: number }>("applications:get", {
    filterByTk: "erp",
  });
  return ready;
}

/** Status of the answer to a WebSocket's handshake. */
function upgrade({ url }: Replica, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const handshake = open(`${url}${path}`, {
      headers: {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": Buffer.from("0123456789abcdef").toString("base64"),
      },
    });
    const answered = (response: IncomingMessage): void => {
      response.destroy();
      handshake.destroy();
      resolve(response.statusCode ?? 0);
    };
    handshake.on("upgrade", answered).on("response", answered).on("error", reject).end();
  });
}

/** For people to look at, where they ask for it. */
async function shot(browser: Browser, name: string): Promise<void> {
  const folder = process.env.FLEET_TEST_SCREENSHOTS;
  if (folder) await browser.screenshot(`${folder}/${name}.png`);
}
