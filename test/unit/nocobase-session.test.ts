import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Session, Unreachable } from "../../providers/nocobase/client";

/** What the line does to requests for files, one after the other. */
type Fate = "answers" | "breaks";

describe("sessions over a line that breaks", () => {
  let server: Server;
  let session: Session;
  let fates: Fate[];
  const received: string[] = [];

  before(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const json = (body: object) => response.end(JSON.stringify(body));
        if (request.url === "/api/auth:signIn") return void json({ data: { token: "t" } });
        received.push(Buffer.concat(chunks).toString("latin1"));
        if (fates.shift() === "breaks") return void request.socket.destroy();
        if (request.url === "/files/logo.png") return void response.end(Buffer.from([0, 255, 1]));
        if (request.url === "/files/none.png") return void response.writeHead(404).end();
        json({ data: { id: 7 } });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    session = new Session({ url, account: "root", password: "p" });
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => (received.length = 0));

  const upload = () =>
    session.upload<{ data: { id: number } }>("attachments:create", {
      name: "logo.png",
      type: "image/png",
      content: Buffer.from("pixels"),
    });

  it("store a file again where the answer never came", async () => {
    fates = ["breaks", "answers"];
    assert.deepEqual(await upload(), { data: { id: 7 } });
    assert.equal(received.length, 2);
    for (const body of received) {
      assert.match(body, /name="file"; filename="logo.png"/);
      assert.match(body, /pixels/);
    }
  });

  it("fetch a file again, byte by byte", async () => {
    fates = ["breaks", "answers"];
    assert.deepEqual(await session.download("/files/logo.png"), Buffer.from([0, 255, 1]));
  });

  it("have no file where there is none", async () => {
    fates = ["answers"];
    assert.equal(await session.download("/files/none.png"), undefined);
  });

  it("say so where the line stays broken", async () => {
    fates = ["breaks", "breaks"];
    await assert.rejects(upload(), Unreachable);
    fates = ["breaks", "breaks"];
    await assert.rejects(session.download("/files/logo.png"), /can't be reached: /);
  });
});
