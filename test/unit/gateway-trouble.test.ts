import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  app,
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

describe("gateway server in trouble", () => {
  afterEach(endAll);

  it("serves others while one instance is slow, and drops its request when the client leaves", async () => {
    let left = (): void => undefined;
    const gone = new Promise<void>((resolve) => (left = resolve));
    const slow = await backend((request) => request.socket.once("close", left));
    const quick = await backend((_request, response) => response.end("quick"));
    const { port } = await gateway([app("crm", slow.url), app("erp", quick.url, { isolation: "dedicated" })]);
    const waiting = open(port, "/").on("error", () => undefined);
    waiting.end();
    while (slow.hits.length === 0) await sleep(2);
    assert.equal((await fetchFrom(port, "/", { host: "erp.localhost" })).body, "quick");
    waiting.destroy();
    await gone;
  });

  it("survives clients that leave in the middle of an upload or a download", async () => {
    const { url, hits } = await backend((request, response) => {
      request.on("error", () => undefined);
      if (request.method === "GET") response.write(Buffer.alloc(64 * 1024));
    });
    const { port } = await gateway([app("crm", url)]);
    for (const method of ["POST", "GET"]) {
      const request = open(port, "/", {
        method,
        headers: method === "POST" ? { "content-length": "500000" } : {},
      });
      request.on("error", () => undefined).on("response", () => request.destroy());
      if (method === "POST") request.write("x");
      else request.end();
      while (!hits.some((hit) => hit.method === method)) await sleep(2);
      request.destroy();
    }
    await sleep(20);
    assert.equal((await fetchFrom(port, "/__fleet/health")).status, 200);
  });

  it("passes a small body on only once it is whole", async () => {
    const { url, hits } = await backend((_request, response) => response.end("ok"));
    const { port } = await gateway([app("crm", url)]);
    const half = open(port, "/", { method: "POST", headers: { "content-length": "1000" } });
    half.on("error", () => undefined).write("x");
    assert.equal((await fetchFrom(port, "/", { method: "POST", body: Buffer.from("whole") })).status, 200);
    half.destroy();
    assert.equal((await fetchFrom(port, "/", { method: "POST", body: Buffer.from("again") })).status, 200);
    assert.equal(hits.length, 2);
  });

  it("reports an instance that breaks off", async () => {
    const { url } = await backend((request, response) => {
      if (request.url === "/before") request.socket.destroy();
      else {
        response.writeHead(200, { "Content-Length": 10 });
        response.write("half", () => request.socket.destroy());
      }
    });
    const { port, lines } = await gateway([app("crm", url)]);
    const reply = await fetchFrom(port, "/before", { method: "POST" });
    assert.equal(reply.status, 502);
    assert.match(lines.join(), /crm at http:\/\/127\.0\.0\.1:\d+: socket hang up/);
    await assert.rejects(fetchFrom(port, "/after"), /aborted/);
  });

  it("repeats a read that met a connection just closed, but nothing that writes", async () => {
    const used = new WeakSet<Socket>();
    const { url } = await backend((request, response) => {
      if (used.has(request.socket)) request.socket.destroy();
      else response.end("ok");
      used.add(request.socket);
    });
    const { port } = await gateway([app("crm", url)]);
    assert.equal((await fetchFrom(port, "/")).body, "ok");
    assert.equal((await fetchFrom(port, "/")).body, "ok");
    assert.equal((await fetchFrom(port, "/")).body, "ok");
    assert.equal((await fetchFrom(port, "/", { method: "POST" })).status, 502);
  });

  it("passes WebSockets on in both directions, with their app", async () => {
    const shared = await backend((_request, response) => response.end());
    echo(shared);
    const routes = [app("crm", shared.url), app("erp", shared.url, { isolation: "dedicated" })];
    const { port } = await gateway(routes);
    const { text, socket } = await raw(
      port,
      `${upgrade("/ws?__appName=crm&a=1", "localhost")}early`,
      "early",
    );
    assert.match(text, /^HTTP\/1\.1 101 [^]*<crm \/ws\?a=1>early$/);
    socket.write("late");
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.equal(answer.toString(), "late");
    assert.match(
      (await raw(port, upgrade("/ws", "erp.localhost", "X-App: main\r\n"), ">")).text,
      /<main \/ws>/,
    );
    const before = shared.hits.length;
    assert.match((await raw(port, upgrade("/ws?__appName=erp", "crm.localhost"))).text, /^HTTP\/1\.1 404 /);
    assert.match(
      (await raw(port, upgrade("/ws", "crm.localhost", "X-App: erp\r\n"))).text,
      /^HTTP\/1\.1 404 /,
    );
    assert.match((await raw(port, upgrade("/__fleet/health", "crm.localhost"))).text, /^HTTP\/1\.1 404 /);
    assert.equal(shared.hits.length, before);
  });

  it("cuts the WebSockets of an app that stops, and of no other", async () => {
    const shared = await backend((_request, response) => response.end());
    echo(shared);
    const { port, server } = await gateway([app("crm", shared.url), app("support", shared.url)]);
    const crm = await raw(port, upgrade("/ws", "crm.localhost"), ">");
    const support = await raw(port, upgrade("/ws", "support.localhost"), ">");
    const cut = once(crm.socket, "close");
    server.exchange(tableOf([app("crm", shared.url, { state: "stopped" }), app("support", shared.url)]));
    await cut;
    support.socket.write("still here");
    const [answer] = (await once(support.socket, "data")) as [Buffer];
    assert.equal(answer.toString(), "still here");
  });

  it("refuses what it can't read, and goes on", async () => {
    const { url, hits } = await backend((_request, response) => response.end());
    const { port } = await gateway([app("crm", url)]);
    const broken = [
      "nonsense\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: crm.localhost\r\nHost: crm.localhost\r\nConnection: close\r\n\r\n",
      "GET http://crm.localhost/ HTTP/1.1\r\nHost: crm.localhost\r\nConnection: close\r\n\r\n",
      "GET /\\api HTTP/1.1\r\nHost: crm.localhost\r\nConnection: close\r\n\r\n",
      "GET /../x HTTP/1.1\r\nHost: crm.localhost\r\nConnection: close\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: crm.localhost@evil\r\nConnection: close\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: crm.localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: crm.localhost\r\nContent-Length: x\r\n\r\n",
      upgrade("/ws", "crm.localhost").replace("websocket", "h2c"),
    ];
    for (const text of broken)
      assert.match((await raw(port, text)).text, /^HTTP\/1\.1 400 /, JSON.stringify(text));
    assert.equal(hits.length, 0);
    assert.equal((await fetchFrom(port, "/")).status, 200);
  });

  it("exchanges routes under load without dropping a request", async () => {
    const answer: RequestListener = (_request, response) => setTimeout(() => response.end("ok"), 2);
    const [one, two] = [await backend(answer), await backend(answer)];
    const { port, server } = await gateway([app("crm", one.url)]);
    let running = true;
    let answered = 0;
    const client = async (): Promise<void> => {
      while (running) {
        const reply = await fetchFrom(port, "/");
        assert.deepEqual([reply.status, reply.body], [200, "ok"]);
        answered++;
      }
    };
    const clients = Array.from({ length: 8 }, client);
    for (let turn = 0; turn < 40; turn++) {
      server.exchange(tableOf([app("crm", turn % 2 === 0 ? two.url : one.url)]));
      await sleep(5);
    }
    running = false;
    await Promise.all(clients);
    assert.ok(answered > 40 && one.hits.length > 0 && two.hits.length > 0);
  });

  it("finishes requests under way when it stops, and ends WebSockets", async () => {
    const slow = await backend((_request, response) => setTimeout(() => response.end("done"), 150));
    echo(slow);
    const { port, server } = await gateway([app("crm", slow.url)]);
    const socket = await raw(port, upgrade("/ws", "crm.localhost"), ">");
    const cut = once(socket.socket, "close");
    const waiting = fetchFrom(port, "/", { headers: { connection: "keep-alive" } });
    while (slow.hits.length < 2) await sleep(2);
    const started = Date.now();
    const stopped = server.stop(5_000);
    assert.equal((await waiting).body, "done");
    await stopped;
    await cut;
    assert.ok(Date.now() - started < 2_000);
    await assert.rejects(fetchFrom(port, "/"), /ECONNREFUSED/);
  });
});
