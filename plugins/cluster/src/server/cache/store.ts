import type { CacheStore } from "../../../../shared/contracts/core";
import type { Member } from "../member/member";
import { NearCache } from "./near-cache";

/** What was deleted stays uncached for this long: a deletion comes before its transaction commits. */
const QUARANTINE = "1 second";
const SWEEP_EVERY_MS = 60_000;

const WRITE = `
  WITH entry AS (
    INSERT INTO {schema}.cache AS cached (key, value, version, changed_at, expires_at)
    VALUES ($1, $2, nextval('{schema}.cache_version'), clock_timestamp(),
      coalesce(clock_timestamp() + $3::float8 * interval '1 millisecond', 'infinity'))
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version,
      changed_at = excluded.changed_at, expires_at = excluded.expires_at
    WHERE cached.value IS NOT NULL OR cached.changed_at < clock_timestamp() - interval '${QUARANTINE}'
    RETURNING version, value)
  SELECT version, pg_notify($4, 'cache ' || version || ' ' || left($1, 1000)) FROM entry`;
const DELETE = `
  WITH entry AS (
    INSERT INTO {schema}.cache (key, value, version) SELECT key, NULL, nextval('{schema}.cache_version')
    FROM unnest($1::text[]) AS key
    ON CONFLICT (key) DO UPDATE SET value = NULL, version = excluded.version, changed_at = clock_timestamp(),
      expires_at = 'infinity'
    RETURNING key, version)
  SELECT version, pg_notify($2, 'cache ' || version || ' ' || left(key, 1000)) FROM entry`;
const RESET = `
  WITH entries AS (
    UPDATE {schema}.cache SET value = NULL, version = nextval('{schema}.cache_version'),
      changed_at = clock_timestamp(), expires_at = 'infinity')
  SELECT pg_notify($1, 'cache *')`;
const READ = `
  SELECT key, value, version, CASE WHEN expires_at < 'infinity'
    THEN extract(epoch FROM expires_at - clock_timestamp())::float8 * 1000 END AS "ttlMs"
  FROM {schema}.cache WHERE key = ANY($1) AND value IS NOT NULL AND expires_at > clock_timestamp()`;
const SWEEP = `
  DELETE FROM {schema}.cache
  WHERE expires_at < clock_timestamp() OR (value IS NULL AND changed_at < clock_timestamp() - interval '1 minute')`;

interface Row {
  key: string;
  value: string;
  version: string;
  /** Null where the entry doesn't end. */
  ttlMs: number | null;
}

/**
 * The cache that all replicas share, in an unlogged table, with a copy near each process. A change drops the copies
 * of the others by a notification; one that lost its connection drops all of them. Values are kept as JSON, as they
 * are with Redis, which NocoBase supports for the same purpose.
 */
export class PostgresCacheStore implements CacheStore {
  private readonly near = new NearCache();
  private readonly sweeper: NodeJS.Timeout;

  constructor(private readonly member: Member) {
    member.onNotice("cache", (text) => this.changed(text));
    member.onRecovery(() => {
      this.near.clear();
      return Promise.resolve();
    });
    this.sweeper = setInterval(() => {
      if (member.serving) void member.query(SWEEP).catch(() => undefined);
    }, SWEEP_EVERY_MS).unref();
  }

  async get(key: string): Promise<unknown> {
    return (await this.mget(key))[0];
  }

  async mget(...keys: string[]): Promise<unknown[]> {
    const missing = keys.filter((key) => !this.near.has(key));
    const read = new Map<string, unknown>();
    if (missing.length > 0) {
      const { rows } = await this.member.query<Row>(READ, [missing]);
      for (const { key, value, version, ttlMs } of rows) {
        const parsed: unknown = JSON.parse(value);
        this.near.put(key, parsed, BigInt(version), ttlMs ?? Infinity);
        read.set(key, parsed);
      }
    }
    return keys.map((key) => (this.near.has(key) ? this.near.get(key) : read.get(key)));
  }

  async set(key: string, value: unknown, ttl?: number): Promise<void> {
    // Like cache-manager's own stores: nothing to keep. JSON has no undefined, whatever the type says.
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) return;
    const { rows } = await this.member.query<{ version: string }>(WRITE, [
      key,
      text,
      ttl !== undefined && ttl > 0 ? ttl : null,
      this.member.settings.schema,
    ]);
    if (rows[0]) this.near.put(key, JSON.parse(text), BigInt(rows[0].version), ttl ?? Infinity);
  }

  async mset(entries: [string, unknown][], ttl?: number): Promise<void> {
    for (const [key, value] of entries) await this.set(key, value, ttl);
  }

  async del(key: string): Promise<void> {
    await this.mdel(key);
  }

  async mdel(...keys: string[]): Promise<void> {
    const { rows } = await this.member.query<{ version: string }>(DELETE, [
      keys,
      this.member.settings.schema,
    ]);
    for (const [index, { version }] of rows.entries()) this.near.drop(keys[index] ?? "", BigInt(version));
    for (const key of keys) this.near.forget(key);
  }

  async reset(): Promise<void> {
    await this.member.query(RESET, [this.member.settings.schema]);
    this.near.clear();
  }

  async keys(): Promise<string[]> {
    const { rows } = await this.member.query<{ key: string }>(
      "SELECT key FROM {schema}.cache WHERE value IS NOT NULL AND expires_at > clock_timestamp()",
    );
    return rows.map(({ key }) => key);
  }

  /** Remaining time in milliseconds, -1 where there is no end. */
  async ttl(key: string): Promise<number> {
    const { rows } = await this.member.query<Row>(READ, [[key]]);
    return rows[0]?.ttlMs ?? -1;
  }

  stop(): void {
    clearInterval(this.sweeper);
  }

  private changed(text: string): void {
    if (text === "*") {
      this.near.clear();
      return;
    }
    const space = text.indexOf(" ");
    this.near.drop(text.slice(space + 1), BigInt(text.slice(0, space)));
  }
}
