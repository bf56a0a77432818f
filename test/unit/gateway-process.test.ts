import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { GatewayRoute } from "../../providers/local/gateway/routes";
import { freePort } from "../support/ports";
import { app, backend, endAll, fetchFrom } from "./gateway-fixtures";

const LAUNCHER = resolve(__dirname, "../../providers/local/gateway/gateway.cjs");

describe("gateway process", function () {
  this.timeout(30_000);

  let folder: string;
  let file: string;
  let port: number;
  let child: ChildProcess | undefined;
  let output = "";

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "gateway-"));
    file = join(folder, "routes.json");
    port = await freePort();
    output = "";
  });

  afterEach(async () => {
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await endAll();
    rmSync(folder, { recursive: true });
  });

  function write(routes: GatewayRoute[], more: object = {}): void {
    put(JSON.stringify({ host: "127.0.0.1", port, domain: "localhost", uploadLimitMiB: 1, routes, ...more }));
  }

  /** Writes as the provider does: a file beside it, renamed over it. */
  function put(text: string): void {
    writeFileSync(`${file}.tmp`, text);
    renameSync(`${file}.tmp`, file);
  }

  function run(...args: string[]): ChildProcess {
    child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => (output += String(chunk)));
    return child;
  }

  async function seen(pattern: RegExp): Promise<void> {
    for (let turn = 0; !pattern.test(output); turn++) {
      if (turn > 1000) assert.fail(`${String(pattern)} not seen in: ${output}`);
      await sleep(10);
    }
  }

  async function exitCode(process: ChildProcess): Promise<number | null> {
    const [code] = (await once(process, "exit")) as [number | null];
    return code;
  }

  it("serves its file, takes over a new one, and keeps its routes when that is broken", async () => {
    const { url } = await backend((_request, response) => response.end("ok"));
    write([app("crm", url)]);
    const gateway = run(file);
    await seen(/listening on 127\.0\.0\.1:\d+, 1 routes/);
    assert.equal((await fetchFrom(port, "/")).body, "ok");

    write([app("crm", url), app("support", url)]);
    await seen(/took over 2 routes/);
    assert.equal((await fetchFrom(port, "/", { host: "support.localhost" })).body, "ok");

    put('{"host":');
    await seen(/keeps its routes, since .*routes\.json can't be used:\s+not JSON/);
    write([app("crm", "ftp://x")]);
    await seen(/routes\.0\.target: is not an address/);
    rmSync(file);
    await seen(/ENOENT/);
    assert.equal((await fetchFrom(port, "/")).body, "ok");

    write([app("crm", url, { state: "stopped" })]);
    await seen(/took over 1 routes/);
    assert.equal((await fetchFrom(port, "/")).status, 503);

    gateway.kill("SIGTERM");
    assert.equal(await exitCode(gateway), 0);
    assert.match(output, /SIGTERM: finishing requests/);
  });

  it("reads its file again on SIGHUP, and says when a new port needs a start", async () => {
    write([]);
    run(file);
    await seen(/listening/);
    write([], { port: port + 1 });
    child?.kill("SIGHUP");
    await seen(/takes effect at the next start/);
    assert.equal((await fetchFrom(port, "/__fleet/health")).status, 200);
  });

  it("ends with a plain message where it can't start", async () => {
    const holder = net.createServer().listen(port, "127.0.0.1");
    await once(holder, "listening");
    write([]);
    assert.equal(await exitCode(run(file)), 3);
    await seen(/can't listen on 127\.0\.0\.1:\d+: the port is in use by another process; stop that process/);
    holder.close();
    put("[]");
    assert.equal(await exitCode(run(file)), 2);
    await seen(/routes\.json can't be used/);
    assert.equal(await exitCode(run()), 2);
    await seen(/the path of the routes file is missing/);
    assert.doesNotMatch(output, /\n\s+at /);
  });
});
