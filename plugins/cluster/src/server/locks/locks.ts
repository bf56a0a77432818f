import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Client } from "pg";
import type { Member } from "../member/member";
import { Line } from "./line";

/** How long a waiter sleeps when no notice of a release comes. */
const POLL_MS = 500;

/** Takes the lock when it is free, its time is over, or its owner is no replica; else leaves word that it is wanted. */
const TAKE = `
  INSERT INTO {schema}.locks AS held (key, owner, token, expires_at)
  VALUES ($1, $2, $3, clock_timestamp() + $4::float8 * interval '1 millisecond')
  ON CONFLICT (key) DO UPDATE SET (owner, token, expires_at, wanted) = (
    SELECT CASE WHEN free THEN excluded.owner ELSE held.owner END,
      CASE WHEN free THEN excluded.token ELSE held.token END,
      CASE WHEN free THEN excluded.expires_at ELSE held.expires_at END,
      NOT free
    FROM (SELECT held.expires_at < clock_timestamp()
      OR NOT EXISTS (SELECT FROM {schema}.replicas WHERE id = held.owner) AS free) AS state)
  RETURNING token = $3 AS taken`;

const RELEASE = `
  WITH released AS (DELETE FROM {schema}.locks WHERE key = $1 AND token = $2 RETURNING wanted)
  SELECT pg_notify($3, 'lock ' || left($1, 1000)) FROM released WHERE wanted`;

const EXTEND = `
  UPDATE {schema}.locks SET expires_at = clock_timestamp() + $3::float8 * interval '1 millisecond'
  WHERE key = $1 AND token = $2`;

/** Longer than any process lives; such a lock ends with its release or its replica's lease. */
const FOR_EVER_MS = 100 * 365 * 24 * 3600 * 1000;

/** A lock this process holds. */
export interface HeldLock {
  readonly key: string;
  /** Gives it free; harmless when it is not held any more. */
  release(): Promise<void>;
  /** Lets it last `ttlMs` from now. Throws when it is not held any more. */
  extend(ttlMs: number): Promise<void>;
}

interface Entry {
  token: string;
  ttlMs: number;
  timer: NodeJS.Timeout | undefined;
  leave: () => void;
}

/** Locks over all replicas of an app. Within the process waiters queue up; one at a time asks the database. */
export class Locks {
  private readonly lines = new Map<string, Line>();
  private readonly held = new Map<string, Entry>();
  private readonly sleepers = new Map<string, () => void>();

  constructor(private readonly member: Member) {
    member.onNotice("lock", (key) => this.sleepers.get(key)?.());
    member.onRecovery((client) => this.claimAgain(client));
  }

  /**
   * Takes a lock. Without `ttlMs` it lasts until its release, or until this replica's lease is lost.
   * Returns undefined where it was not free within `limitMs`; without a limit it waits.
   */
  async take(key: string, options: { ttlMs?: number; limitMs?: number } = {}): Promise<HeldLock | undefined> {
    await this.member.start();
    const deadline = performance.now() + (options.limitMs ?? Infinity);
    const line = this.lines.get(key) ?? new Line();
    this.lines.set(key, line);
    const leave = await line.enter(options.limitMs);
    if (!leave) return undefined;
    const depart = (): void => {
      leave();
      if (line.empty) this.lines.delete(key);
    };
    try {
      const entry = await this.takeRow(key, options.ttlMs ?? FOR_EVER_MS, deadline, depart);
      if (!entry) depart();
      return entry && this.handle(key, entry);
    } catch (error) {
      depart();
      throw error;
    }
  }

  private async takeRow(
    key: string,
    ttlMs: number,
    deadline: number,
    leave: () => void,
  ): Promise<Entry | undefined> {
    const token = randomUUID();
    for (;;) {
      const released = this.sleep(key, Math.min(POLL_MS, Math.max(0, deadline - performance.now())));
      if (await this.tryRow(key, token, ttlMs, deadline)) {
        released.cancel();
        const entry: Entry = { token, ttlMs, timer: undefined, leave };
        this.held.set(key, entry);
        return entry;
      }
      if (performance.now() >= deadline) {
        released.cancel();
        return undefined;
      }
      await released.done;
    }
  }

  private async tryRow(key: string, token: string, ttlMs: number, deadline: number): Promise<boolean> {
    try {
      this.member.assertProven();
      const { rows } = await this.member.query<{ taken: boolean }>(TAKE, [key, this.member.id, token, ttlMs]);
      return rows[0]?.taken ?? false;
    } catch (error) {
      if (this.member.serving) throw error;
      await this.member.whenServing(Math.min(30_000, Math.max(1, deadline - performance.now())));
      return false;
    }
  }

  /** Sleeps until the key's release is announced. Made before the attempt, so that no release is missed. */
  private sleep(key: string, ms: number): { done: Promise<void>; cancel: () => void } {
    let cancel = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      const timer = setTimeout(() => cancel(), ms);
      cancel = () => {
        clearTimeout(timer);
        this.sleepers.delete(key.slice(0, 1000));
        resolve();
      };
      this.sleepers.set(key.slice(0, 1000), cancel);
    });
    return { done, cancel };
  }

  private handle(key: string, entry: Entry): HeldLock {
    const isHeld = (): boolean => this.held.get(key) === entry;
    const release = async (): Promise<void> => {
      if (!isHeld()) return;
      clearTimeout(entry.timer);
      this.held.delete(key);
      try {
        await this.member.query(RELEASE, [key, entry.token, this.member.settings.schema]);
      } catch (error) {
        // The row stays: nobody else may take it before it is gone.
        if (this.member.serving) throw error;
        this.forget(key, entry.token);
      } finally {
        entry.leave();
      }
    };
    const expireIn = (ms: number): void => {
      clearTimeout(entry.timer);
      entry.timer = ms >= FOR_EVER_MS ? undefined : setTimeout(() => void release(), ms).unref();
    };
    expireIn(entry.ttlMs);
    return {
      key,
      release,
      extend: async (ttlMs) => {
        if (!isHeld()) throw new Error(`lock ${key} is not held`);
        await this.member.query(EXTEND, [key, entry.token, ttlMs]);
        expireIn(ttlMs);
      },
    };
  }

  /** Released while the database was away: as soon as it is back. */
  private forget(key: string, token: string): void {
    void this.member
      .whenServing(FOR_EVER_MS)
      .then(() => this.member.query(RELEASE, [key, token, this.member.settings.schema]))
      .catch(() => undefined);
  }

  /** A crash of the server empties the table of locks: what is held is entered again before anybody serves. */
  private async claimAgain(client: Client): Promise<void> {
    for (const [key, { token, ttlMs }] of this.held) {
      const { rows } = await client.query<{ token: string }>(
        `INSERT INTO ${this.member.schema}.locks AS held (key, owner, token, expires_at)
         VALUES ($1, $2, $3, clock_timestamp() + $4::float8 * interval '1 millisecond')
         ON CONFLICT (key) DO UPDATE SET wanted = true RETURNING token`,
        [key, this.member.id, token, ttlMs],
      );
      if (rows[0]?.token !== token) this.member.fence(`lock ${key} is another replica's`);
    }
  }
}
