/** A headless Chromium, driven over its debugging pipe: no further package, no port. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { until } from "../../../providers/nocobase/client";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const SOON = { everyMs: 200, limitMs: 120_000 };

/** The browser of this machine; undefined where there is none. */
export function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
}

interface Answer {
  id?: number;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** One page of a browser of its own. */
export class Browser {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private last = 0;
  private session: string | undefined;
  private buffer = "";

  private constructor(
    private readonly child: ChildProcess,
    private readonly profile: string,
  ) {
    (child.stdio[4] as Readable).setEncoding("utf8").on("data", (chunk: string) => {
      const messages = (this.buffer + chunk).split("\0");
      this.buffer = messages.pop() ?? "";
      for (const message of messages) this.take(JSON.parse(message) as Answer);
    });
  }

  static async start(program: string): Promise<Browser> {
    const profile = await mkdtemp(join(tmpdir(), "fleet-browser-"));
    const flags = [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
    ];
    const child = spawn(
      program,
      [
        ...flags,
        `--user-data-dir=${profile}`,
        "--window-size=1500,1000",
        "--remote-debugging-pipe",
        "about:blank",
      ],
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
    );
    const browser = new Browser(child, profile);
    const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
    browser.session = String(sessionId);
    await browser.send("Page.enable");
    return browser;
  }

  async open(url: string): Promise<void> {
    await this.send("Page.navigate", { url });
  }

  /** What an expression of the page's own comes to, as JSON. */
  async value<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value: T }).value;
  }

  /** Waits until an expression is true. @throws Error with what the page shows then */
  async sees(what: string, expression: string): Promise<void> {
    const seen = await until(
      async () =>
        (await this.value<boolean>(`Boolean(${expression})`).catch(() => false)) ? true : undefined,
      SOON,
    );
    if (!seen)
      throw new Error(`${what} isn't shown, but ${await this.value<string>("document.body.innerText")}`);
  }

  async screenshot(file: string): Promise<void> {
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    await writeFile(file, Buffer.from(String(data), "base64"));
  }

  async stop(): Promise<void> {
    this.child.kill("SIGKILL");
    if (this.child.exitCode === null && this.child.signalCode === null)
      await new Promise((done) => this.child.once("exit", done));
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  private async send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.last;
    const answer = new Promise<Answer>((resolve) => this.waiting.set(id, resolve));
    const message = { id, method, params, ...(this.session ? { sessionId: this.session } : {}) };
    (this.child.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`);
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  private take(answer: Answer): void {
    if (answer.id === undefined) return;
    this.waiting.get(answer.id)?.(answer);
    this.waiting.delete(answer.id);
  }
}
