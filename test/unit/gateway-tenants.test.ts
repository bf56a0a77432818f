import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { GatewayRoute } from "../../providers/local/gateway/routes";
import { readTable } from "../../providers/local/gateway/table";
import {
  revisionOf,
  routeClashes,
  tenantFile,
  tenantFolder,
  withTenants,
} from "../../providers/local/gateway/tenants";
import { tenantRoutes } from "../../providers/local/handlers/tenant-routes";
import type { Context } from "../../providers/kit/types";
import { freePort } from "../support/ports";
import { app, backend, endAll, fetchFrom } from "./gateway-fixtures";

const LAUNCHER = resolve(__dirname, "../../providers/local/gateway/gateway.cjs");
const target = "http://127.0.0.1:21000";

describe("routes of tenants", () => {
  const own = readTable(
    JSON.stringify({
      host: "127.0.0.1",
      port: 13000,
      domain: "localhost",
      uploadLimitMiB: 1,
      routes: [app("crm", target)],
    }),
  );
  const table = (stack: string, ...routes: GatewayRoute[]) => ({
    stack,
    root: `/srv/${stack}`,
    routes,
    revision: stack,
  });

  it("are added to the platform's", () => {
    const merged = withTenants(own, [table("acme", app("acme-crm", target))], (clash) =>
      assert.equal(clash, undefined),
    );
    assert.deepEqual([...merged.apps.keys()], ["crm", "acme-crm"]);
    assert.equal(merged.byHost.get("acme-crm.localhost")?.key, "acme-crm");
    assert.equal(merged.revision, own.revision);
    assert.equal(merged.tenantRevisions.get("acme"), "acme");
  });

  it("never take what another stack has, and both are named", () => {
    const clashes: string[] = [];
    const taken = { ...app("globex-crm", target), hosts: ["crm.localhost"] };
    const merged = withTenants(own, [table("globex", taken)], (clash) => clashes.push(clash));
    assert.equal(merged.byHost.get("crm.localhost")?.key, "crm");
    assert.deepEqual(clashes, [
      "app globex-crm of stack globex would answer at crm.localhost, where app crm of the platform answers",
    ]);
  });

  it("clash by path, too", () => {
    const mine = { name: "stack a", routes: [{ ...app("a-b-c", target), hosts: ["one.example"] }] };
    const theirs = { name: "stack a-b", routes: [{ ...app("a-b-c", target), hosts: ["two.example"] }] };
    assert.deepEqual(routeClashes(mine, [theirs]), [
      "app a-b-c of stack a would answer at /apps/a-b-c/, where app a-b-c of stack a-b answers",
    ]);
  });
});

describe("the gateway and tenants", function () {
  this.timeout(30_000);
  let root: string;
  let port: number;
  let child: ChildProcess;
  let output = "";

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "gateway-tenants-"));
    port = await freePort();
    mkdirSync(join(root, "gateway"));
    const routes = [app("crm", (await backend((_request, response) => response.end("platform"))).url)];
    const table = { host: "127.0.0.1", port, domain: "localhost", uploadLimitMiB: 1, routes };
    writeFileSync(join(root, "gateway", "routes.json"), JSON.stringify(table));
    output = "";
    child = spawn(process.execPath, [
      LAUNCHER,
      join(root, "gateway", "routes.json"),
      join(root, "endpoints"),
      tenantFolder(root),
    ]);
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => (output += String(chunk)));
    await seen(/listening on/);
  });

  afterEach(async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
    await endAll();
    rmSync(root, { recursive: true });
  });

  async function seen(pattern: RegExp): Promise<void> {
    for (let turn = 0; !pattern.test(output); turn++) {
      if (turn > 1000) assert.fail(`${String(pattern)} not seen in: ${output}`);
      await sleep(10);
    }
  }

  const context = (stack: string): Context => ({
    urn: `urn:pulumi:${stack}::nocobase-fleet::nocobase-local:index:TenantRoutes::routes`,
    name: "routes",
    config: { root: `/srv/${stack}` },
    signal: new AbortController().signal,
    status: () => undefined,
    info: () => undefined,
    warn: () => undefined,
  });
  const inputs = (stack: string, ...routes: GatewayRoute[]) => ({
    stack,
    platformRoot: root,
    gateway: { host: "127.0.0.1", port },
    routes,
  });

  it("routes by a tenant's file as soon as it is written, and no longer once it is gone", async () => {
    const { url } = await backend((_request, response) => response.end("acme"));
    const wanted = inputs("acme", app("acme-crm", url));
    const { id, outputs } = await tenantRoutes.create(wanted, context("acme"));
    assert.equal(id, "acme");
    assert.equal((await fetchFrom(port, "/", { host: "acme-crm.localhost" })).body, "acme");
    assert.equal((await fetchFrom(port, "/", { host: "crm.localhost" })).body, "platform");
    const same = await tenantRoutes.diff?.("acme", outputs, wanted, context("acme"), wanted);
    assert.deepEqual(same?.changes, []);

    await tenantRoutes.delete?.("acme", outputs, context("acme"));
    await seen(/took over 1 routes/);
    assert.equal((await fetchFrom(port, "/", { host: "acme-crm.localhost" })).status, 404);
  });

  it("leaves a tenant's last good routes in force where its file is broken, and takes over the others'", async () => {
    const { url } = await backend((_request, response) => response.end("acme"));
    await tenantRoutes.create(inputs("acme", app("acme-crm", url)), context("acme"));
    const file = tenantFile(root, "acme");
    writeFileSync(`${file}.tmp`, "{");
    renameSync(`${file}.tmp`, file);
    await seen(/keeps the routes it has from .*acme\.json/);
    await tenantRoutes.create(inputs("globex", app("globex-crm", url)), context("globex"));
    assert.equal((await fetchFrom(port, "/", { host: "acme-crm.localhost" })).body, "acme");
    assert.equal((await fetchFrom(port, "/", { host: "globex-crm.localhost" })).body, "acme");
  });

  it("refuses, in preview and in up, a host that another stack has, naming both", async () => {
    const { url } = await backend((_request, response) => response.end("acme"));
    await tenantRoutes.create(inputs("acme", app("acme-crm", url)), context("acme"));
    const greedy = inputs("globex", { ...app("globex-crm", url), hosts: ["acme-crm.localhost"] });
    const reason =
      "app globex-crm of stack globex would answer at acme-crm.localhost, where app acme-crm of stack acme answers";
    const checked = await tenantRoutes.check?.(greedy, undefined, context("globex"));
    assert.deepEqual(checked?.failures, [{ property: "routes", reason }]);
    await assert.rejects(tenantRoutes.create(greedy, context("globex")), { message: reason });
  });

  it("tells a writer which file is in force", async () => {
    const { url } = await backend((_request, response) => response.end("acme"));
    await tenantRoutes.create(inputs("acme", app("acme-crm", url)), context("acme"));
    const text = JSON.stringify(
      { stack: "acme", root: "/srv/acme", routes: [app("acme-crm", url)] },
      undefined,
      1,
    );
    const answer = await fetchFrom(port, "/__fleet/health?stack=acme");
    assert.equal((JSON.parse(answer.body) as { revision: string }).revision, revisionOf(text));
    const none = await fetchFrom(port, "/__fleet/health?stack=globex");
    assert.equal((JSON.parse(none.body) as { revision: null }).revision, null);
  });
});
