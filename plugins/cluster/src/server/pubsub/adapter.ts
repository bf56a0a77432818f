import type { MessageHandler, PubSubAdapter } from "../../../../shared/contracts/core";
import type { Member } from "../member/member";
import type { MessageBus } from "./bus";

/** NocoBase's pub/sub on the message bus. */
export class PostgresPubSubAdapter implements PubSubAdapter {
  private open = false;
  private retired = false;

  constructor(
    private readonly member: Member,
    private readonly bus: MessageBus,
  ) {}

  /** True also while the database is away: messages then wait, where the core would drop them. */
  isConnected(): boolean {
    return this.open;
  }

  async connect(): Promise<void> {
    if (this.retired) return;
    await this.member.start();
    this.open = true;
  }

  /** The app has reloaded and has another adapter: its earlier managers go on listening to the app's events. */
  retire(): void {
    this.retired = true;
    this.open = false;
  }

  close(): Promise<void> {
    if (this.open) this.bus.pause();
    this.open = false;
    return Promise.resolve();
  }

  subscribe(channel: string, callback: MessageHandler): Promise<void> {
    if (!this.retired) this.bus.subscribe(channel, callback);
    return Promise.resolve();
  }

  unsubscribe(channel: string, callback: MessageHandler): Promise<void> {
    this.bus.unsubscribe(channel, callback);
    return Promise.resolve();
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.bus.publish(channel, message);
  }
}
