import type { Application } from "../../../../shared/contracts/core";
import type { HeldLock, Locks } from "../locks/locks";

const LOCK = "fleet:plugin-change";
/** Enabling a plugin installs its tables and reloads the app; this is for one that never comes back. */
const LIMIT_MS = 10 * 60_000;

/**
 * Enables and disables plugins on one replica at a time, and restarts the apps of the others afterwards, one after
 * another: each waits for the lock that the one before it holds until it has started.
 */
export class PluginChanges {
  /** The lock of a change this replica makes, from before it until its app has started anew. */
  private held: HeldLock | undefined;
  private changed = false;

  constructor(private readonly locks: Locks) {}

  /** Called when this replica begins to enable or disable a plugin. */
  async begin(): Promise<void> {
    this.held ??= await this.locks.take(LOCK, { ttlMs: LIMIT_MS });
  }

  /** Called when the change is in the database. */
  done(): void {
    this.changed = true;
  }

  /** Called when the app has started: says whether the others must be told. */
  async started(): Promise<boolean> {
    const changed = this.changed;
    this.changed = false;
    await this.held?.release();
    this.held = undefined;
    return changed;
  }

  /** Restarts the app since another replica has changed its plugins. */
  async follow(app: Application): Promise<void> {
    const lock = await this.locks.take(LOCK, { ttlMs: LIMIT_MS });
    try {
      await app.runCommandThrowError("restart");
    } finally {
      await lock?.release();
    }
  }
}
