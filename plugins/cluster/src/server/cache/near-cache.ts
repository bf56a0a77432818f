/** As many entries as NocoBase's own memory store keeps. */
const MOST = 2000;
/** Notifications cut keys at this length; longer ones are not kept near. */
const LONGEST_KEY = 1000;

interface Entry {
  value: unknown;
  version: bigint;
  expiresAt: number;
}

/** Copies of shared cache entries in this process; one is dropped when a later version is announced. */
export class NearCache {
  private readonly entries = new Map<string, Entry>();
  /** The latest version known of a key that was dropped: a copy read before the change must not come after it. */
  private readonly dropped = new Map<string, bigint>();
  private clearedAt = 0n;
  private latest = 0n;

  has(key: string): boolean {
    const entry = this.entries.get(key);
    if (!entry) return false;
    if (entry.expiresAt > Date.now()) return true;
    this.entries.delete(key);
    return false;
  }

  get(key: string): unknown {
    return this.entries.get(key)?.value;
  }

  put(key: string, value: unknown, version: bigint, ttlMs: number): void {
    if (key.length >= LONGEST_KEY || version < (this.dropped.get(key) ?? this.clearedAt)) return;
    this.entries.delete(key);
    this.entries.set(key, { value, version, expiresAt: Date.now() + ttlMs });
    if (this.entries.size > MOST) this.entries.delete(first(this.entries));
  }

  /** The entry has a new version, or none. */
  drop(key: string, version: bigint): void {
    if (version > this.latest) this.latest = version;
    const entry = this.entries.get(key);
    if (entry && entry.version < version) this.entries.delete(key);
    this.dropped.delete(key);
    this.dropped.set(key, version);
    if (this.dropped.size <= MOST) return;
    const oldest = first(this.dropped);
    const forgotten = this.dropped.get(oldest) ?? 0n;
    if (forgotten > this.clearedAt) this.clearedAt = forgotten;
    this.dropped.delete(oldest);
  }

  forget(key: string): void {
    this.entries.delete(key);
  }

  clear(): void {
    this.entries.clear();
  }
}

function first(map: Map<string, unknown>): string {
  for (const key of map.keys()) return key;
  return "";
}
