import type { Repository, TokenBlacklist } from "../../../../shared/contracts/core";
import type { MessageBus } from "../pubsub/bus";

const CHANNEL = "fleet.signed-out";
const SWEEP_EVERY_MS = 10 * 60_000;

interface SignedOut {
  token: string;
  expiration: string | Date;
}

/**
 * Tokens that were signed out, kept in the core's table and in the memory of every replica: the message bus tells the
 * others, and a replica that may have missed a message doesn't serve. The plugin auth's own filter is one process's,
 * and a token signed out on one replica would live on at the others.
 */
export class SharedTokenBlacklist implements TokenBlacklist {
  /** Tokens and when they end by themselves, ms since 1970. */
  private readonly tokens = new Map<string, number>();
  private loaded: Promise<void> | undefined;
  private sweptAt = Date.now();

  constructor(
    private readonly repository: () => Repository,
    private readonly bus: MessageBus,
  ) {
    bus.attend(CHANNEL, (body) => this.remember(JSON.parse(body) as SignedOut));
  }

  async has(token: string): Promise<boolean> {
    this.loaded ??= this.load().catch((error: unknown) => {
      this.loaded = undefined;
      throw error;
    });
    await this.loaded;
    return this.tokens.has(token);
  }

  async add(values: SignedOut): Promise<unknown> {
    const repository = this.repository();
    await repository.destroy({ filter: { expiration: { $dateNotAfter: new Date() } } });
    const added = await repository.model.findOrCreate({ defaults: values, where: { token: values.token } });
    this.remember(values);
    await this.bus.publish(CHANNEL, JSON.stringify(values));
    return added;
  }

  private async load(): Promise<void> {
    const rows = await this.repository().find({
      fields: ["token", "expiration"],
      filter: { expiration: { $dateAfter: new Date() } },
      raw: true,
    });
    for (const row of rows) this.remember(row as unknown as SignedOut);
  }

  private remember({ token, expiration }: SignedOut): void {
    const now = Date.now();
    if (now - this.sweptAt > SWEEP_EVERY_MS) {
      this.sweptAt = now;
      for (const [old, end] of this.tokens) if (end < now) this.tokens.delete(old);
    }
    const end = new Date(expiration).getTime();
    this.tokens.set(token, Number.isNaN(end) ? Infinity : end);
  }
}
