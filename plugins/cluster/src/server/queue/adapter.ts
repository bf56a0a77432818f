import type {
  Logger,
  QueueAdapter,
  QueueEvent,
  QueueMessageOptions,
} from "../../../../shared/contracts/core";
import type { Member } from "../member/member";
import { Channel, type Handover } from "./channel";

const PUBLISH = `
  WITH task AS (INSERT INTO {schema}.tasks (channel, content, options, retried) VALUES ($1, $2, $3, $4))
  SELECT pg_notify($5, 'task ' || $1)`;

/** NocoBase's event queue in a table: what is published is kept until some replica has processed it. */
export class PostgresQueueAdapter implements QueueAdapter {
  private readonly channels = new Map<string, Channel>();
  private connected = false;
  private retired = false;

  constructor(
    private readonly member: Member,
    private readonly logger: () => Logger,
    /** Prepares a task that a replica left behind for being processed anew. */
    private readonly handover: Handover,
  ) {
    member.onNotice("task", (channel) => this.channels.get(channel)?.wake());
  }

  /** There may be tasks on any channel. */
  wake(): void {
    for (const channel of this.channels.values()) channel.wake();
  }

  /** The app has reloaded and has another adapter: its earlier queues go on listening to the app's events. */
  retire(): void {
    this.retired = true;
    void this.close();
  }

  isConnected(): boolean {
    return this.connected;
  }

  async connect(): Promise<void> {
    if (this.retired) return;
    await this.member.start();
    this.connected = true;
    for (const channel of this.channels.values()) channel.open();
  }

  /** Takes no more tasks and waits up to `limitMs` for those in work; the rest is handed over when the replica leaves. */
  async pause(limitMs: number): Promise<void> {
    this.connected = false;
    await Promise.all([...this.channels.values()].map((channel) => channel.close(limitMs)));
  }

  async close(): Promise<void> {
    await this.pause(0);
    this.channels.clear();
  }

  subscribe(name: string, event: QueueEvent): void {
    if (this.retired || this.channels.has(name)) return;
    const channel = new Channel(name, event, this.member, this.logger, this.handover);
    this.channels.set(name, channel);
    if (this.connected) channel.open();
  }

  unsubscribe(name: string): void {
    void this.channels.get(name)?.close(0);
    this.channels.delete(name);
  }

  async publish(name: string, content: unknown, options: QueueMessageOptions = {}): Promise<void> {
    await this.member.query(PUBLISH, [
      name,
      JSON.stringify(content ?? null),
      JSON.stringify(options),
      options.retried ?? 0,
      this.member.settings.schema,
    ]);
  }
}
