import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientConfig } from "pg";

const BACKOFF_MS = [50, 100, 250, 500, 1000] as const;

export interface SessionHooks {
  /** Runs on each new connection before it counts as connected; a throw drops the connection and tries anew. */
  connected(client: Client): Promise<void>;
  lost(reason: string): void;
  /** An attempt to connect failed; not called for the first one of {@link Session.start}, which rejects. */
  failed?(error: Error): void;
  notified(payload: string): void;
}

/** One connection that listens for notifications and is made again whenever it is lost. */
export class Session {
  private client: Client | undefined;
  private open = true;
  private running: Promise<void> | undefined;
  private firstConnection: { resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(
    private readonly config: ClientConfig,
    private readonly channel: string,
    private readonly hooks: SessionHooks,
  ) {}

  /** Resolves when connected for the first time; rejects where that fails, e.g. for a wrong password. */
  async start(): Promise<void> {
    const first = new Promise<void>((resolve, reject) => (this.firstConnection = { resolve, reject }));
    this.running = this.keepConnected();
    await first;
  }

  /** Goes on trying from the first attempt on, for what may be made later than this process. */
  startPatiently(): void {
    this.running = this.keepConnected();
  }

  get connected(): boolean {
    return this.client !== undefined;
  }

  /**
   * Works on the connection. One that doesn't answer within `limitMs` is given up and made again.
   * @throws Error where there is no connection
   */
  async use<T>(limitMs: number, work: (client: Client) => Promise<T>): Promise<T> {
    const { client } = this;
    if (!client) throw new Error("not connected to the database");
    const expired = new AbortController();
    const limit = sleep(limitMs, undefined, { signal: expired.signal, ref: false }).then(() => {
      destroy(client);
      throw new Error(`the database didn't answer within ${limitMs} ms`);
    });
    limit.catch(() => undefined);
    try {
      return await Promise.race([work(client), limit]);
    } finally {
      expired.abort();
    }
  }

  async stop(): Promise<void> {
    this.open = false;
    const { client } = this;
    if (client) await Promise.race([client.end(), sleep(1000, undefined, { ref: false })]);
    if (client) destroy(client);
    await this.running;
  }

  /** Asked anew: {@link stop} may come during any wait. */
  private isOpen(): boolean {
    return this.open;
  }

  private async keepConnected(): Promise<void> {
    for (let failures = 0; this.open; failures++) {
      const client = new Client({ ...this.config, keepAlive: true, connectionTimeoutMillis: 5000 });
      const ended = new Promise<string>((resolve) => {
        client.on("error", (error) => resolve(error.message));
        client.on("end", () => resolve("the connection ended"));
      });
      try {
        await client.connect();
        client.on("notification", ({ payload }) => this.hooks.notified(payload ?? ""));
        await client.query(`LISTEN "${this.channel.replaceAll('"', '""')}"`);
        await this.hooks.connected(client);
        this.client = client;
        failures = 0;
        this.firstConnection?.resolve();
        this.firstConnection = undefined;
        this.hooks.lost(await ended);
      } catch (error) {
        const reason = error instanceof Error ? error : new Error(String(error));
        if (this.firstConnection) {
          destroy(client);
          this.firstConnection.reject(reason);
          return;
        }
        if (this.isOpen()) this.hooks.failed?.(reason);
      }
      this.client = undefined;
      destroy(client);
      if (this.isOpen())
        await sleep(BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)], undefined, { ref: false });
    }
  }
}

/** Cuts the socket: `end` waits for a server that may be gone. */
function destroy(client: Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
