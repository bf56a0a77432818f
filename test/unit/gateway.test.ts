import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { freePort } from "../support/ports";
import {
  app,
  asPage,
  backend,
  echo,
  endAll,
  fetchFrom,
  gateway,
  open,
  raw,
  tableOf,
  upgrade,
} from "./gateway-fixtures";

const MIB = 1024 * 1024;

describe("gateway server", () => {
  afterEach(endAll);

  it("passes a request on with its body, method, status and headers", async () => {
    const { url, hits } = await backend((request, response) => {
      response.writeHead(201, { "X-Answer": "yes", "Set-Cookie": ["a=1", "b=2"] });
      request.pipe(response);
    });
    const { port } = await gateway([app("crm", url)]);
    const reply = await fetchFrom(port, "/api/users:create?x=%20y", {
      method: "POST",
      body: Buffer.from("hello"),
    });
    assert.deepEqual([reply.status, reply.body, reply.headers["x-answer"]], [201, "hello", "yes"]);
    assert.deepEqual(reply.headers["set-cookie"], ["a=1", "b=2"]);
    assert.deepEqual([hits[0]?.method, hits[0]?.url], ["POST", "/api/users:create?x=%20y"]);
    assert.equal(hits[0]?.headers.host, "crm.localhost:13000");
  });

  it("says who asks and which app is meant, whatever the client claims", async () => {
    const { url, hits } = await backend((_request, response) => response.end());
    const { port } = await gateway([app("crm", url)]);
    const claimed = {
      "x-forwarded-for": "6.6.6.6",
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "https",
      "x-forwarded-port": "1",
      "x-hostname": "support.localhost",
      "x-real-ip": "6.6.6.6",
      "x-app": "main",
      forwarded: "for=6.6.6.6",
      authorization: "Bearer t",
      cookie: "k=v",
      connection: "close, x-app",
    };
    await fetchFrom(port, "/api/x", { headers: claimed });
    const seen = hits[0]?.headers ?? {};
    assert.equal(seen["x-app"], "crm");
    assert.equal(seen["x-hostname"], "crm.localhost");
    assert.equal(seen["x-forwarded-for"], "127.0.0.1");
    assert.equal(seen["x-forwarded-host"], "crm.localhost:13000");
    assert.equal(seen["x-forwarded-proto"], "http");
    assert.deepEqual(
      [seen["x-forwarded-port"], seen["x-real-ip"], seen.forwarded],
      [undefined, undefined, undefined],
    );
    assert.deepEqual([seen.authorization, seen.cookie], ["Bearer t", "k=v"]);
  });

  it("keeps connections to an instance, and ends those of clients that ask for it", async () => {
    const ports = new Set<number | undefined>();
    const { url } = await backend((request, response) => {
      ports.add(request.socket.remotePort);
      response.end();
    });
    const { port } = await gateway([app("crm", url)]);
    for (let count = 0; count < 5; count++) {
      const reply = await fetchFrom(port, "/", { headers: { connection: "close" } });
      assert.equal(reply.headers.connection, "close");
    }
    assert.equal(ports.size, 1);
  });

  it("withholds cookies between a stand-alone app and the entry app's address", async () => {
    const { url, hits } = await backend((_request, response) =>
      response.setHeader("Set-Cookie", "t=1").end(),
    );
    const { port } = await gateway([app("erp", url, { isolation: "dedicated" })]);
    const ask = { host: "localhost", headers: { cookie: "nb_auth_token_main=secret" } };
    const reply = await fetchFrom(port, "/api/__app/erp/x", ask);
    assert.deepEqual(
      [hits[0]?.url, hits[0]?.headers.cookie, hits[0]?.headers["x-app"]],
      ["/api/x", undefined, "main"],
    );
    assert.equal(reply.headers["set-cookie"], undefined);
    const own = await fetchFrom(port, "/api/x", { ...ask, host: "erp.localhost" });
    assert.equal(hits[1]?.headers.cookie, "nb_auth_token_main=secret");
    assert.deepEqual(own.headers["set-cookie"], ["t=1"]);
  });

  it("moves pages of a stand-alone app to its own host", async () => {
    const { port } = await gateway([app("erp", "http://127.0.0.1:1", { isolation: "dedicated" })]);
    const reply = await fetchFrom(port, "/apps/erp/admin?x=1", { host: "localhost" });
    assert.deepEqual([reply.status, reply.headers.location], [307, "//erp.localhost:13000/admin?x=1"]);
  });

  it("never asks the instance of a stopped app", async () => {
    const stopped = await backend((_request, response) => response.end("woken"));
    echo(stopped);
    let connections = 0;
    stopped.server.on("connection", () => connections++);
    const { port } = await gateway([app("crm", stopped.url, { state: "stopped", title: "<b>CRM</b>" })]);
    const page = await fetchFrom(port, "/admin", { headers: asPage });
    assert.deepEqual([page.status, page.headers["retry-after"]], [503, "60"]);
    assert.match(page.body, /&#60;b&#62;CRM&#60;\/b&#62; is stopped/);
    assert.match(String(page.headers["content-security-policy"]), /default-src 'none'/);
    assert.equal(page.headers["x-content-type-options"], "nosniff");
    const paths = [
      "/",
      "/api/__health_check",
      "/api/__app/crm/x",
      "/apps/crm/",
      "/files/crm/a",
      "/storage/uploads/crm/a",
      "/ws",
    ];
    for (const host of ["crm.localhost", "localhost"]) {
      for (const path of [...paths, "/ws?__appName=crm"])
        await fetchFrom(port, path, { host, headers: { "x-app": "crm" } });
    }
    const reply = await fetchFrom(port, "/api/x");
    assert.equal(reply.status, 503);
    assert.equal((JSON.parse(reply.body) as { errors: { code: string }[] }).errors[0]?.code, "APP_STOPPED");
    assert.match((await raw(port, upgrade("/ws", "crm.localhost"))).text, /^HTTP\/1\.1 503 /);
    assert.match((await raw(port, upgrade("/ws?__appName=crm", "localhost"))).text, /^HTTP\/1\.1 503 /);
    assert.deepEqual([stopped.hits.length, connections], [0, 0]);
  });

  it("shows a page that looks again while an instance starts", async () => {
    const { port } = await gateway([app("crm", `http://127.0.0.1:${await freePort()}`)]);
    const page = await fetchFrom(port, "/admin", { headers: asPage });
    assert.deepEqual([page.status, page.headers["retry-after"]], [503, "3"]);
    assert.match(page.body, /<meta http-equiv="refresh" content="3">[^]*CRM is starting/);
    const reply = await fetchFrom(port, "/api/x", { headers: asPage });
    assert.deepEqual([reply.status, reply.headers["content-type"]], [503, "application/json; charset=utf-8"]);
    assert.match(reply.body, /"code":"APP_STARTING"/);
    assert.match((await raw(port, upgrade("/ws", "crm.localhost"))).text, /^HTTP\/1\.1 503 [^]*APP_STARTING/);
  });

  it("turns NocoBase's own 503 into that page for people, and leaves it to programs", async () => {
    const own = '{"error":{"code":"APP_PREPARING"}}';
    const { url } = await backend((_request, response) =>
      response.writeHead(503, { "Content-Type": "application/json" }).end(own),
    );
    const { port } = await gateway([app("crm", url)]);
    assert.match((await fetchFrom(port, "/files/crm/a", { headers: asPage })).body, /CRM is starting/);
    assert.equal((await fetchFrom(port, "/api/x")).body, own);
  });

  it("answers unknown hosts and apps by itself", async () => {
    const { port } = await gateway([app("crm", "http://127.0.0.1:1", { title: "Secret name" })]);
    const host = await fetchFrom(port, "/", { host: "nope.localhost", headers: asPage });
    assert.equal(host.status, 404);
    assert.match(host.body, /No application at this address/);
    const path = await fetchFrom(port, "/apps/nope/", { host: "localhost", headers: asPage });
    assert.equal(path.status, 404);
    assert.ok(!host.body.includes("Secret name") && !path.body.includes("Secret name"));
    assert.equal((await fetchFrom(port, "/__fleet/x", { host: "localhost" })).status, 404);
  });

  it("tells its health and the revision of its routes on any host", async () => {
    const routes = [app("crm", "http://127.0.0.1:1")];
    const { port } = await gateway(routes);
    const reply = await fetchFrom(port, "/__fleet/health", { host: "127.0.0.1" });
    assert.deepEqual(JSON.parse(reply.body), { status: "ok", routes: 1, revision: tableOf(routes).revision });
  });

  it("refuses uploads over the limit, and streams those below", async () => {
    const { url, hits } = await backend((request, response) => {
      const hash = createHash("sha256");
      request
        .on("data", (chunk: Buffer) => hash.update(chunk))
        .on("end", () => response.end(hash.digest("hex")));
      request.on("error", () => undefined);
    });
    const { port } = await gateway([app("crm", url)]);
    const fits = randomBytes(MIB);
    const sum = createHash("sha256").update(fits).digest("hex");
    const post = { method: "POST" };
    assert.equal((await fetchFrom(port, "/", { ...post, body: fits })).body, sum);
    assert.equal(
      (await fetchFrom(port, "/", { ...post, body: [fits.subarray(0, 9), fits.subarray(9)] })).body,
      sum,
    );
    const before = hits.length;
    const declared = await fetchFrom(port, "/api/x", { ...post, body: Buffer.alloc(MIB + 1) });
    assert.equal(declared.status, 413);
    assert.match(declared.body, /PAYLOAD_TOO_LARGE[^]*At most 1 MiB/);
    assert.equal(hits.length, before);
    const chunked = await fetchFrom(port, "/", { ...post, headers: asPage, body: [fits, Buffer.from("x")] });
    assert.equal(chunked.status, 413);
    const polite = await fetchFrom(port, "/", { ...post, headers: { expect: "100-continue" }, body: fits });
    assert.equal(polite.body, sum);
  });

  it("passes events on one by one", async () => {
    let end = (): void => undefined;
    const { url } = await backend((_request, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write("data: 1\n\n");
      end = () => response.end("data: 2\n\n");
    });
    const { port } = await gateway([app("crm", url)]);
    const request = open(port, "/api/events").end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const [first] = (await once(response, "data")) as [Buffer];
    assert.equal(first.toString(), "data: 1\n\n");
    end();
    const [second] = (await once(response, "data")) as [Buffer];
    assert.equal(second.toString(), "data: 2\n\n");
  });
});
