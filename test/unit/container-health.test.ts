/** The health check of a container, as a process, against a small server that it may end. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { REPLICA_UNAVAILABLE_HEADER } from "../../providers/local/gateway/headers";
import { freePort } from "../support/ports";

const CHECK = path.resolve(__dirname, "../../providers/local/launcher/health.cjs");
const LIMIT = 3;

/** Answers with what the file `answer` says: `STATUS HEADER TEXT`. */
const SERVER = `
const [port, file] = process.argv.slice(1);
require("http").createServer((request, response) => {
  const [status, header, text] = require("fs").readFileSync(file, "utf8").split(" ");
  response.writeHead(Number(status), header === "-" ? {} : { [header]: "erp.2" }).end(text);
}).listen(Number(port), "127.0.0.1", () => console.log("listening"));
`;

describe("health check of a container", function () {
  this.timeout(30_000);
  let folder: string;
  let port: number;
  let server: ChildProcess;

  beforeEach(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "fleet-health-"));
    port = await freePort();
    answer("200 - ok");
    const args = ["-e", SERVER, String(port), path.join(folder, "answer")];
    server = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    await new Promise((resolve) => server.stdout!.once("data", resolve));
    fs.writeFileSync(path.join(folder, "pid"), String(server.pid));
  });

  afterEach(() => {
    server.kill("SIGKILL");
    fs.rmSync(folder, { recursive: true, force: true });
  });

  function answer(text: string): void {
    fs.writeFileSync(path.join(folder, "answer"), text);
  }

  /** Exit code of one check. */
  async function check(): Promise<number | null> {
    const child = spawn(process.execPath, [CHECK, `http://127.0.0.1:${port}/`, String(LIMIT)], {
      stdio: "ignore",
      env: { TMPDIR: folder, FLEET_PID_FILE: path.join(folder, "pid") },
    });
    return await new Promise((resolve) => child.once("close", resolve));
  }

  async function checks(count: number): Promise<(number | null)[]> {
    const codes = [];
    for (let index = 0; index < count; index++) codes.push(await check());
    return codes;
  }

  /** Whether the server was ended; @param awaited waits for it */
  async function ended(awaited: boolean): Promise<boolean> {
    if (awaited && server.signalCode === null) await new Promise((resolve) => server.once("exit", resolve));
    return server.signalCode === "SIGKILL";
  }

  it("ends a server that was healthy, after so many failures in a row", async () => {
    assert.deepEqual(await checks(1), [0]);
    answer("500 - broken");
    assert.deepEqual(await checks(LIMIT - 1), [1, 1]);
    answer("200 - ok");
    assert.equal(await check(), 0);
    answer("500 - broken");
    assert.deepEqual(await checks(LIMIT - 1), [1, 1]);
    assert.equal(await ended(false), false);
    assert.equal(await check(), 1);
    assert.equal(await ended(true), true);
  });

  it("leaves a server alone that has not been healthy yet", async () => {
    answer("503 - starting");
    assert.deepEqual(await checks(LIMIT + 1), [1, 1, 1, 1]);
    assert.equal(await ended(false), false);
  });

  it("leaves a replica alone that stops or waits for its database", async () => {
    assert.equal(await check(), 0);
    answer(`503 ${REPLICA_UNAVAILABLE_HEADER} waits`);
    assert.deepEqual(await checks(LIMIT + 1), [1, 1, 1, 1]);
    assert.equal(await ended(false), false);
  });

  it("ends a server at once that gave up", async () => {
    answer("503 - APP_ERROR");
    assert.equal(await check(), 1);
    assert.equal(await ended(true), true);
  });
});
