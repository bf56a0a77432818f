import { performance } from "node:perf_hooks";
import type { Client } from "pg";
import type { Logger, MessageHandler } from "../../../../shared/contracts/core";
import type { Member } from "../member/member";

/** PostgreSQL's own limit for a notification is 8,000 bytes; longer messages are read from the log. */
const INLINE_BYTES = 7500;
/** Ids are given before commit, so a message may appear after later ones; none takes this long. */
const OVERLAP_MS = 60_000;
const RETRY_LIMIT_MS = 30_000;
/** What every replica has long seen: the slowest one's last renewal counts. */
const SWEEP = `
  DELETE FROM {schema}.messages WHERE created_at < least(
    clock_timestamp() - interval '10 minutes',
    (SELECT min(expires_at) FROM {schema}.replicas) - interval '5 minutes')`;
const SWEEP_EVERY_MS = 60_000;

interface Received {
  channel: string;
  body: string;
}

/** The statement that logs a message ($1 channel, $2 body) and announces it ($3 notification channel) when it commits. */
export const PUBLISH = `
  WITH logged AS (INSERT INTO {schema}.messages (channel, body) VALUES ($1, $2) RETURNING id)
  SELECT pg_notify($3, 'message ' || id || CASE WHEN octet_length($1) + octet_length($2) < ${INLINE_BYTES}
    THEN ' ' || $1 || E'\\n' || $2 ELSE '' END) FROM logged`;

/**
 * Messages between the replicas of an app. Each is logged in a table and announced by a notification. A replica whose
 * connection was away reads what it missed from the log before it serves again, so none is ever lost on one that lives.
 */
export class MessageBus {
  private readonly handlers = new Map<string, Set<MessageHandler>>();
  /** Those of the process, which stay while its app reloads. */
  private readonly attendants = new Map<string, MessageHandler>();
  /** Ids seen lately, with the time. */
  private readonly seen = new Map<string, number>();
  /** What arrived while the app loads, for subscribers to come: it may have read the state from before. */
  private backlog: Received[] | undefined = [];
  private order: Promise<void> = Promise.resolve();
  private connectedBefore = false;
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly member: Member,
    private readonly logger: () => Pick<Logger, "warn" | "error">,
  ) {
    member.onNotice("message", (text) => this.announced(text));
    member.onRecovery((client) => this.catchUp(client));
    this.sweeper = setInterval(() => void this.sweep(), SWEEP_EVERY_MS).unref();
  }

  /** Logs and announces a message. Waits for a database that is away; throws when that takes longer than 30 s. */
  async publish(channel: string, body: string): Promise<void> {
    const end = performance.now() + RETRY_LIMIT_MS;
    for (;;) {
      try {
        await this.member.query(PUBLISH, [channel, body, this.member.settings.schema]);
        return;
      } catch (error) {
        const left = end - performance.now();
        if (left <= 0 || this.member.serving) throw error;
        await this.member.whenServing(left);
      }
    }
  }

  /** Hands a channel's messages to `handler`, with those that came since the app began to load. */
  subscribe(channel: string, handler: MessageHandler): void {
    const handlers = this.handlers.get(channel) ?? new Set();
    handlers.add(handler);
    this.handlers.set(channel, handlers);
    for (const message of this.backlog ?? []) {
      if (message.channel === channel) this.call(handler, message);
    }
  }

  unsubscribe(channel: string, handler: MessageHandler): void {
    this.handlers.get(channel)?.delete(handler);
  }

  /** Hands a channel's messages to the process itself, whatever its app does; there is one handler for each channel. */
  attend(channel: string, handler: MessageHandler): void {
    this.attendants.set(channel, handler);
  }

  /** Forgets all subscribers and keeps what arrives for the next ones: the app stops or loads anew. */
  pause(): void {
    this.handlers.clear();
    this.backlog ??= [];
  }

  /** The app has loaded: nobody subscribes late any more. */
  resume(): void {
    this.backlog = undefined;
  }

  stop(): void {
    clearInterval(this.sweeper);
    this.handlers.clear();
  }

  private announced(text: string): void {
    const [, id = "", channel, body] = /^(\d+)(?: ([^\n]*)\n([\s\S]*))?$/.exec(text) ?? [];
    this.order = this.order
      .then(async () => {
        if (channel !== undefined && body !== undefined) this.receive(id, { channel, body });
        else await this.fetch(id);
      })
      // Catching up after the reconnection finds it.
      .catch((error: unknown) => this.logger().warn(`message ${id} can't be read yet: ${String(error)}`));
  }

  private async fetch(id: string): Promise<void> {
    const { rows } = await this.member.query<Received>(
      "SELECT channel, body FROM {schema}.messages WHERE id = $1",
      [id],
    );
    if (rows[0]) this.receive(id, rows[0]);
  }

  private async catchUp(client: Client): Promise<void> {
    const span = performance.now() - this.member.aliveAt + OVERLAP_MS;
    if (!this.connectedBefore) {
      this.connectedBefore = true;
      return;
    }
    const { rows } = await client.query<Received & { id: string }>(
      // As text, as notifications have it: NocoBase has node-postgres read bigint as numbers.
      `SELECT id::text, channel, body FROM ${this.member.schema}.messages
       WHERE created_at > greatest(clock_timestamp() - $1 * interval '1 millisecond',
         (SELECT started_at - interval '2 seconds' FROM ${this.member.schema}.replicas WHERE id = $2))
       ORDER BY id`,
      [span, this.member.id],
    );
    await this.order;
    for (const { id, ...message } of rows) this.receive(id, message);
  }

  private receive(id: string, message: Received): void {
    if (this.seen.has(id)) return;
    this.seen.set(id, performance.now());
    const attendant = this.attendants.get(message.channel);
    if (attendant) {
      this.call(attendant, message);
      return;
    }
    this.backlog?.push(message);
    for (const handler of this.handlers.get(message.channel) ?? []) this.call(handler, message);
  }

  private call(handler: MessageHandler, { channel, body }: Received): void {
    void (async () => handler(body))().catch((error: unknown) =>
      this.logger().error(`a message on ${channel} could not be handled: ${String(error)}`, { error }),
    );
  }

  private async sweep(): Promise<void> {
    const oldest = performance.now() - 2 * (OVERLAP_MS + this.member.settings.leaseMs);
    for (const [id, at] of this.seen) {
      if (at >= oldest) break;
      this.seen.delete(id);
    }
    if (this.member.serving) await this.member.query(SWEEP).catch(() => undefined);
  }
}
