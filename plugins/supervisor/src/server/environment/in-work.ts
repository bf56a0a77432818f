import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 20;

/** Counts the requests under way. */
export class InWork {
  private count = 0;

  begin(response: ServerResponse): void {
    this.count += 1;
    response.once("close", () => (this.count -= 1));
  }

  /** Resolves when none is under way, after `limitMs` at the latest. */
  async ended(limitMs: number): Promise<void> {
    const end = Date.now() + limitMs;
    while (this.count > 0 && Date.now() < end) await sleep(POLL_MS);
  }
}
