import assert from "node:assert/strict";
import { until } from "../../../providers/nocobase/client";
import type { TestPostgres } from "../support/postgres";
import type { Replica, ReplicatedApp } from "../support/replicas";

/** A change made through one replica is served by the others within this time, ms. */
export const VISIBLE_MS = 2000;

/** The app under test and its three replicas; filled before the first test. */
export class Trio {
  /** How long changes took to be seen, ms. */
  readonly latencies: number[] = [];

  constructor(
    readonly postgres: TestPostgres,
    readonly app: ReplicatedApp,
  ) {}

  get replicas(): [Replica, Replica, Replica] {
    return this.app.replicas as [Replica, Replica, Replica];
  }

  /** Waits until all replicas but `by` see a change that has just been made through it. */
  async seenByOthers(what: string, by: Replica, look: (replica: Replica) => Promise<boolean>): Promise<void> {
    const start = Date.now();
    for (const replica of this.replicas.filter((other) => other !== by)) {
      const seen = await until(async () => ((await look(replica)) ? true : undefined), {
        everyMs: 10,
        limitMs: VISIBLE_MS * 5,
      });
      const took = Date.now() - start;
      assert.ok(seen && took <= VISIBLE_MS, `${what} by ${by.name} at ${replica.name}: ${took} ms`);
      this.latencies.push(took);
    }
  }
}

/** HTTP status of an action as the root user, or with another's token. */
export async function status(replica: Replica, action: string, token?: string): Promise<number> {
  return (await replica.request(action, {}, token)).status;
}

/** Starts a replica again whose process ends. */
export async function restarted(replica: Replica): Promise<void> {
  await replica.ended();
  await replica.run();
  await replica.healthy();
}
