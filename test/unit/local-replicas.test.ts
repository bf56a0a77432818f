/** Supervisor and gateway together: several processes of one instance, real ones, of a small server. */
import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UNTOUCHED_HEADER } from "../../plugins/cluster/src/server/http/gate";
import { REPLICA_UNAVAILABLE_HEADER } from "../../providers/local/gateway/headers";
import { findCgroups } from "../../providers/local/supervisor/cgroups";
import { ensureSupervisor, waitUntilHealthy, withSupervisor } from "../../providers/local/supervisor/client";
import type { SupervisorClient } from "../../providers/local/supervisor/client";
import { readEndpoints, type Endpoint } from "../../providers/local/supervisor/endpoints";
import { supervisorLayout } from "../../providers/local/supervisor/layout";
import type { UnitDefinition, UnitStatus } from "../../providers/local/supervisor/protocol";
import { freePort } from "../support/ports";
import { skipBecause } from "../support/skip";
import { upgrade } from "./gateway-fixtures";

const GATEWAY = path.resolve(__dirname, "../../providers/local/gateway/gateway.cjs");

/** Answers with its name; /slow after 600 ms; /health and whether it waits for its database as files say; writes down what it acknowledges; echoes WebSockets. */
const SERVER = `
const [name, port, folder] = process.argv.slice(1);
const fs = require("fs");
const server = require("http").createServer((request, response) => {
  const waits = fs.existsSync(folder + "/" + name + ".waits");
  if (waits) response.writeHead(503, { "${REPLICA_UNAVAILABLE_HEADER}": name });
  if (waits) return response.end(name + " waits");
  if (request.url === "/health") {
    response.statusCode = fs.existsSync(folder + "/" + name + ".sick") ? 503 : 200;
    return response.end();
  }
  request.resume().on("end", () => setTimeout(() => {
    if (request.method === "POST") fs.appendFileSync(folder + "/acknowledged", request.url + "\\n");
    response.end(name);
  }, request.url.startsWith("/slow") ? 600 : 3));
});
server.on("upgrade", (request, socket) => {
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n<" + name + ">");
  socket.on("error", () => {}).pipe(socket);
});
server.listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
`;

describe("replicas under the supervisor and the gateway", function () {
  this.timeout(60_000);
  let root: string;
  let client: SupervisorClient;
  let gatewayPort: number;
  let agent: http.Agent;
  const ports = new Map<string, number>();

  function unit(name: string, args: string[], change: Partial<UnitDefinition> = {}): UnitDefinition {
    return {
      name,
      kind: "process",
      order: 20,
      command: process.execPath,
      args,
      cwd: root,
      stop: { signal: "SIGTERM", graceMs: 3000 },
      desired: "running",
      revision: "1",
      backoff: { minMs: 100, maxMs: 400, stableMs: 5000 },
      ...change,
    };
  }

  async function replica(name: string, change: Partial<UnitDefinition> = {}): Promise<UnitDefinition> {
    const port = ports.get(name) ?? (await freePort());
    ports.set(name, port);
    const url = `http://127.0.0.1:${port}`;
    return unit(name, ["-e", SERVER, name, String(port), root], {
      health: {
        probe: { kind: "http", url: `${url}/health` },
        intervalMs: 100,
        timeoutMs: 2000,
        failures: 100,
        startTimeoutMs: 10_000,
      },
      service: { name: "web", url, drainMs: 5000 },
      ...change,
    });
  }

  async function start(definition: UnitDefinition): Promise<UnitStatus> {
    await client.put(definition);
    return waitUntilHealthy(root, definition.name, { timeoutMs: 20_000 });
  }

  function endpoints(): readonly Endpoint[] {
    return readEndpoints(supervisorLayout(root).endpoints, "web") ?? [];
  }

  async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const limit = Date.now() + 15_000;
    while (!(await condition())) {
      if (Date.now() > limit) assert.fail(`not within 15 s: ${what}`);
      await sleep(20);
    }
  }

  async function ask(method: string, url: string, body?: string): Promise<{ status: number; text: string }> {
    const request = http.request({
      port: gatewayPort,
      host: "127.0.0.1",
      path: url,
      method,
      agent,
      headers: { host: "web.localhost", ...(body === undefined ? {} : { "content-length": body.length }) },
    });
    request.end(body);
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    let text = "";
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode ?? 0, text };
  }

  /** Eight clients that read and write until `end`, which tells who answered and what was acknowledged. */
  function load(methods: readonly string[]): { end(): Promise<Map<string, number>>; failures: string[] } {
    let running = true;
    let count = 0;
    const answers = new Map<string, number>();
    const failures: string[] = [];
    const acknowledged: string[] = [];
    const turn = async (): Promise<void> => {
      const number = count++;
      const method = methods[number % methods.length] ?? "GET";
      const url = `/${number}`;
      const { status, text } = await ask(method, url, method === "POST" ? "some body" : undefined);
      if (status !== 200) failures.push(`${method} ${url}: ${status} ${text.slice(0, 80)}`);
      else {
        answers.set(text, (answers.get(text) ?? 0) + 1);
        if (method === "POST") acknowledged.push(url);
      }
    };
    const clients = Array.from({ length: 8 }, async () => {
      while (running) await turn();
    });
    return {
      failures,
      end: async () => {
        running = false;
        await Promise.all(clients);
        const file = path.join(root, "acknowledged");
        const written = new Set(fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n") : []);
        assert.deepEqual(
          acknowledged.filter((url) => !written.has(url)),
          [],
        );
        return answers;
      },
    };
  }

  beforeEach(async () => {
    root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "fleet-replicas-")));
    agent = new http.Agent({ keepAlive: true });
    ports.clear();
    client = await ensureSupervisor(root);
    gatewayPort = await freePort();
    fs.mkdirSync(path.join(root, "gateway"));
    const first = await replica("web");
    const route = {
      ...{ key: "web", kind: "app", isolation: "dedicated", title: "Web", state: "running" },
      ...{ hosts: ["web.localhost"], target: first.service!.url, instance: "web" },
    };
    const table = {
      host: "127.0.0.1",
      port: gatewayPort,
      domain: "localhost",
      uploadLimitMiB: 1,
      routes: [route],
    };
    const file = path.join(root, "gateway", "routes.json");
    fs.writeFileSync(file, JSON.stringify(table));
    await start(first);
    await start(
      unit("gateway", [GATEWAY, file, supervisorLayout(root).endpoints], {
        order: 30,
        health: {
          probe: { kind: "http", url: `http://127.0.0.1:${gatewayPort}/__fleet/health` },
          ...{ intervalMs: 1000, timeoutMs: 2000, failures: 10, startTimeoutMs: 20_000 },
        },
      }),
    );
  });

  afterEach(async () => {
    agent.destroy();
    await withSupervisor(root, (each) => each.shutdown({ stopUnits: true }));
    fs.rmSync(root, { recursive: true, force: true });
  });

  it("balances over those that are ready, and over none that isn't", async () => {
    await start(await replica("web.2"));
    await start(await replica("web.3"));
    const all = load(["GET"]);
    await sleep(300);
    const answers = await all.end();
    assert.deepEqual([...answers.keys()].sort(), ["web", "web.2", "web.3"]);
    const counts = [...answers.values()];
    assert.ok(Math.max(...counts) < 2 * Math.min(...counts), JSON.stringify([...answers]));

    fs.writeFileSync(path.join(root, "web.2.sick"), "");
    await until("web.2 is out", () => endpoints().some(({ name, ready }) => name === "web.2" && !ready));
    const others = load(["GET"]);
    await sleep(200);
    assert.deepEqual([...(await others.end()).keys()].sort(), ["web", "web.3"]);
    fs.rmSync(path.join(root, "web.2.sick"));
    await until("web.2 is in again", () => endpoints().every(({ ready }) => ready));
    const again = load(["GET"]);
    await sleep(200);
    assert.ok((await again.end()).has("web.2"));
  });

  it("asks the unready too where nobody is ready", async () => {
    fs.writeFileSync(path.join(root, "web.sick"), "");
    await until("it is out", () => endpoints().some(({ ready }) => !ready));
    assert.deepEqual(await ask("GET", "/"), { status: 200, text: "web" });
  });

  it("scales up and down and restarts one by one under load without an error, and loses no acknowledged write", async () => {
    const { pid } = await waitUntilHealthy(root, "web", { timeoutMs: 5000 });
    const clients = load(["GET", "POST"]);
    for (const name of ["web.2", "web.3"]) await start(await replica(name));
    for (const name of ["web.2", "web.3"]) await start(await replica(name, { revision: "2" }));
    assert.equal((await client.unit("web"))?.pid, pid);
    await start(await replica("web", { revision: "2" }));
    for (const name of ["web.3", "web.2"]) await client.remove(name);
    const answers = await clients.end();
    assert.deepEqual(clients.failures, []);
    assert.deepEqual([...answers.keys()].sort(), ["web", "web.2", "web.3"]);
    assert.deepEqual(
      endpoints().map(({ name }) => name),
      ["web"],
    );
  });

  it("lets requests under way end before it stops a process, and gives it no new ones", async () => {
    await start(await replica("web.2"));
    const slow = await Promise.all([ask("GET", "/"), ask("GET", "/")]).then(() =>
      Array.from({ length: 4 }, (_, index) => ask("POST", `/slow${index}`, "body")),
    );
    await sleep(100);
    const removed = client.remove("web.2");
    await until("web.2 is terminating", () => endpoints().some(({ terminating }) => terminating));
    for (let index = 0; index < 10; index++) assert.equal((await ask("GET", "/")).text, "web");
    const names = (await Promise.all(slow)).map(({ status, text }) => `${status} ${text}`).sort();
    assert.deepEqual(names, ["200 web", "200 web", "200 web.2", "200 web.2"]);
    await removed;
    assert.equal((await client.unit("web.2"))?.pid, undefined);
  });

  it("answers reads while a process is killed, and brings it back", async () => {
    const { pid } = await start(await replica("web.2"));
    const clients = load(["GET"]);
    await sleep(100);
    process.kill(pid!, "SIGKILL");
    await until("web.2 is back", async () => {
      const now = await client.unit("web.2");
      return now?.state.phase === "running" && now.pid !== pid;
    });
    await clients.end();
    assert.deepEqual(clients.failures, []);
  });

  describe("a process that waits for its database", () => {
    const wait = (name: string) => fs.writeFileSync(path.join(root, `${name}.waits`), "");
    const slowlyProbed = async (name: string) => {
      const definition = await replica(name);
      return { ...definition, health: { ...definition.health!, intervalMs: 60_000 } };
    };

    it("isn't asked in vain before its health check tells: small requests go to another, large ones are told", async () => {
      for (const name of ["web.2", "web.3"]) await start(await slowlyProbed(name));
      wait("web.2");
      const clients = load(["GET", "POST"]);
      await sleep(300);
      assert.deepEqual([...(await clients.end()).keys()].sort(), ["web", "web.3"]);
      assert.deepEqual(clients.failures, []);
      const large = "x".repeat(512 * 1024);
      const statuses = new Set<number>();
      await until("web.2 was asked", async () => {
        statuses.add((await ask("POST", "/large", large)).status);
        return statuses.has(503);
      });
      assert.ok([...statuses].every((status) => status === 200 || status === 503));
    });

    it("answers for itself where there is no other", async () => {
      await start(await slowlyProbed("web"));
      wait("web");
      assert.deepEqual(await ask("POST", "/", "body"), { status: 503, text: "web waits" });
    });

    it("isn't restarted, however long it waits", async () => {
      const patience = { intervalMs: 50, failures: 2, timeoutMs: 1000, startTimeoutMs: 10_000 };
      for (const name of ["web.2", "web.3"]) {
        const url = `${(await replica(name)).service!.url}/health`;
        const probe = { kind: "http", url, healsHeader: REPLICA_UNAVAILABLE_HEADER } as const;
        await start(await replica(name, { health: { ...patience, probe } }));
      }
      const before = (await client.unit("web.2"))?.pid;
      wait("web.2");
      fs.writeFileSync(path.join(root, "web.3.sick"), "");
      await until("the sick one was restarted", async () => {
        return ((await client.unit("web.3"))?.state.restarts ?? 0) > 1;
      });
      const waiting = await client.unit("web.2");
      assert.deepEqual([waiting?.pid, waiting?.state.phase], [before, "unhealthy"]);
      fs.rmSync(path.join(root, "web.2.waits"));
      await until("it serves again", async () => (await client.unit("web.2"))?.state.phase === "running");
    });
  });

  it("knows the header of the cluster plugin", () => {
    assert.equal(REPLICA_UNAVAILABLE_HEADER, UNTOUCHED_HEADER);
  });

  it("ends the WebSockets of a process that is stopped, and no others", async () => {
    await start(await replica("web.2"));
    const sockets = new Map<string, net.Socket>();
    while (sockets.size < 2) {
      const socket = net.connect(gatewayPort, "127.0.0.1");
      socket.write(upgrade("/ws", "web.localhost"));
      let text = "";
      while (!text.includes(">")) text += String(((await once(socket, "data")) as [Buffer])[0]);
      sockets.set(/<([\w.]+)>/.exec(text)![1]!, socket);
    }
    const cut = once(sockets.get("web.2")!, "close");
    await client.remove("web.2");
    await cut;
    const kept = sockets.get("web")!;
    kept.write("still here");
    assert.equal(String(((await once(kept, "data")) as [Buffer])[0]), "still here");
    kept.destroy();
  });

  it("stops a process at once where no gateway runs", async () => {
    await client.remove("gateway");
    const started = Date.now();
    await client.remove("web");
    assert.ok(Date.now() - started < 3000);
    assert.deepEqual(endpoints(), []);
  });

  describe("limits", () => {
    const greedyHeap = `const kept = []; setInterval(() => { for (let i = 0; i < 1e5; i++) kept.push({ i }); }, 1)`;
    const greedyBuffers = `const kept = []; setInterval(() => kept.push(Buffer.alloc(8 * 2 ** 20, 1)), 5)`;

    /** The unit once it was restarted for want of memory. */
    async function restarted(name: string): Promise<UnitStatus> {
      await until(`${name} was restarted`, async () => ((await client.unit(name))?.state.restarts ?? 0) > 0);
      return (await client.unit(name))!;
    }

    it("tells a full heap from any other end, restarts, and leaves the others alone", async () => {
      const before = (await client.unit("web"))?.pid;
      await client.put(unit("greedy", ["--max-old-space-size=30", "-e", greedyHeap]));
      const seen = await restarted("greedy");
      assert.equal(seen.state.lastExit?.outOfMemory, true);
      assert.match(seen.state.lastError ?? "", /^out of memory$/);
      await client.put(unit("crasher", ["-e", "process.abort()"]));
      assert.equal((await restarted("crasher")).state.lastExit?.outOfMemory, undefined);
      assert.equal((await client.unit("web"))?.pid, before);
    });

    it("ends a process over its memory limit by the kernel, and it alone", async function () {
      if (!findCgroups().memory) skipBecause(this, "this user may make no memory cgroup here");
      const before = (await client.unit("web"))?.pid;
      await client.put(unit("greedy", ["-e", greedyBuffers], { limits: { memoryMiB: 150 } }));
      const seen = await restarted("greedy");
      assert.deepEqual([seen.state.lastExit?.signal, seen.state.lastExit?.outOfMemory], ["SIGKILL", true]);
      assert.match(seen.state.lastError ?? "", /out of memory \(limit 150 MiB\)/);
      assert.equal((await client.unit("web"))?.pid, before);
      await client.remove("greedy");
    });

    it("takes a new limit over in place, and removes its groups", async function () {
      const base = findCgroups().cpu;
      if (!base) skipBecause(this, "this user may make no cpu cgroup here");
      const idle = (limits: UnitDefinition["limits"]) =>
        unit("idle", ["-e", "setInterval(() => {}, 1000)"], { limits });
      await client.put(idle({ cpuMillis: 500 }));
      const { pid } = (await client.unit("idle"))!;
      const groups = () => fs.readFileSync(`/proc/${pid}/cgroup`, "utf8");
      assert.match(groups(), /nocobase-fleet-\w+\/idle/);
      const own = /:(\/\S*nocobase-fleet-\w+\/idle)$/m.exec(groups())![1]!;
      const file = base.version === 2 ? "cpu.max" : "cpu.cfs_quota_us";
      const folder = path.join(base.folder, path.basename(path.dirname(own)), "idle");
      const quota = () => Number(fs.readFileSync(path.join(folder, file), "utf8").split(" ")[0]);
      assert.equal(quota(), 50_000);
      await client.put(idle({ cpuMillis: 250 }));
      assert.equal(quota(), 25_000);
      assert.equal((await client.unit("idle"))?.pid, pid);
      await client.remove("idle");
      assert.equal(fs.existsSync(folder), false);
    });
  });
});
