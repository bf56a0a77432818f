import { LockAcquireError } from "@nocobase/lock-manager";
import type { AcquiredLock, LockAdapter } from "../../../../shared/contracts/core";
import type { HeldLock, Locks } from "./locks";

/** NocoBase's locks over all replicas. What runs exclusively keeps its lock until it ends, however long that takes. */
export class PostgresLockAdapter implements LockAdapter {
  constructor(private readonly locks: Locks) {}

  connect(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async acquire(key: string, ttl: number): Promise<() => Promise<void>> {
    const lock = await this.wait(key, ttl);
    return () => lock.release();
  }

  async runExclusive<T>(key: string, work: () => Promise<T> | T): Promise<T> {
    const lock = await this.wait(key);
    try {
      return await work();
    } finally {
      await lock.release();
    }
  }

  /** @throws LockAcquireError where the lock isn't free within `timeout` ms (0: at once) */
  async tryAcquire(key: string, timeout = 0): Promise<AcquiredLock> {
    let lock = await this.locks.take(key, { limitMs: timeout });
    if (!lock) throw new LockAcquireError(timeout === 0 ? "lock is locked" : "lock acquire timed out");
    // The first use takes over what was acquired here.
    let reserved = true;
    const use = async (): Promise<HeldLock> => {
      if (!reserved || !lock) lock = await this.wait(key);
      reserved = false;
      return lock;
    };
    return {
      release: async () => lock?.release(),
      extend: async (ttl) => lock?.extend(ttl),
      acquire: async (ttl) => {
        const held = await use();
        await held.extend(ttl);
        return () => held.release();
      },
      runExclusive: async (work) => {
        const held = await use();
        try {
          return await work();
        } finally {
          await held.release();
        }
      },
    };
  }

  private async wait(key: string, ttlMs?: number): Promise<HeldLock> {
    const lock = await this.locks.take(key, ttlMs === undefined ? {} : { ttlMs });
    if (!lock) throw new LockAcquireError("lock is locked");
    return lock;
  }
}
