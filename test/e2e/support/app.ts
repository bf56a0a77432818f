import assert from "node:assert/strict";
import * as http from "node:http";

export interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  body: Buffer;
}

export interface Request {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** Requests to one app through the gateway, by its host name; the name needn't resolve. */
export class App {
  private token: string | undefined;

  constructor(
    /** e.g. `http://crm.localhost:13000` */
    readonly url: string,
    readonly email: string,
    readonly password: string,
  ) {}

  send(path: string, request: Request = {}): Promise<Reply> {
    const { host, port } = new URL(this.url);
    return new Promise((resolve, reject) => {
      const outgoing = http.request(
        {
          host: "127.0.0.1",
          port,
          path,
          method: request.method ?? "GET",
          headers: { host, ...request.headers },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
          incoming.on("error", reject);
          incoming.on("end", () => {
            const body = Buffer.concat(chunks);
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              text: body.toString("utf8"),
              body,
            });
          });
        },
      );
      outgoing.setTimeout(60_000, () =>
        outgoing.destroy(new Error(`${this.url}${path} gave no answer in 60 s`)),
      );
      outgoing.on("error", reject);
      outgoing.end(request.body);
    });
  }

  async health(): Promise<number> {
    return (await this.send("/api/__health_check")).status;
  }

  /** @throws AssertionError with NocoBase's answer where the sign-in is refused */
  async signIn(): Promise<void> {
    const body = JSON.stringify({ account: this.email, password: this.password });
    const headers = { "content-type": "application/json", "x-authenticator": "basic" };
    const reply = await this.send("/api/auth:signIn", { method: "POST", headers, body });
    assert.equal(reply.status, 200, `sign-in at ${this.url}: ${reply.text}`);
    this.token = (JSON.parse(reply.text) as { data: { token: string } }).data.token;
  }

  /** Calls an action, e.g. `users:list`, signed in. */
  async call<Result>(action: string, body?: unknown): Promise<Result> {
    if (this.token === undefined) await this.signIn();
    const reply = await this.send(`/api/${action}`, {
      method: body === undefined ? "GET" : "POST",
      headers: this.headers(),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    assert.equal(reply.status, 200, `${action} at ${this.url}: ${reply.text}`);
    return (JSON.parse(reply.text) as { data: Result }).data;
  }

  /** Uploads a text file; returns the path it is served at. */
  async upload(name: string, content: string): Promise<string> {
    if (this.token === undefined) await this.signIn();
    const boundary = "fleet-e2e-boundary";
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: text/plain\r\n\r\n`;
    const reply = await this.send("/api/attachments:create", {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.token ?? ""}`,
        "content-type": `multipart/form-data; boundary=${boundary}`,
      },
      body: `${head}${content}\r\n--${boundary}--\r\n`,
    });
    assert.equal(reply.status, 200, `upload at ${this.url}: ${reply.text}`);
    return (JSON.parse(reply.text) as { data: { url: string } }).data.url;
  }

  /** Reads an uploaded file as a signed-in browser does, redirects followed. */
  async download(path: string): Promise<string> {
    if (this.token === undefined) await this.signIn();
    const headers = { authorization: `Bearer ${this.token ?? ""}` };
    let reply = await this.send(path, { headers });
    for (let hops = 0; hops < 3 && reply.headers.location !== undefined; hops++) {
      const { pathname, search } = new URL(reply.headers.location, this.url);
      reply = await this.send(pathname + search, { headers });
    }
    assert.equal(reply.status, 200, `${path} at ${this.url}: ${reply.text.slice(0, 300)}`);
    return reply.text;
  }

  /** Headers of a signed-in call; sign in first. */
  headers(): Record<string, string> {
    return { authorization: `Bearer ${this.token ?? ""}`, "content-type": "application/json" };
  }

  /** Forgets the session, e.g. after the app got a new process. */
  signOut(): void {
    this.token = undefined;
  }
}
