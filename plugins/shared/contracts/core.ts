/**
 * The parts of NocoBase 2.2.15's core that our plugins fill or call, as its public source has them under
 * packages/core: pubSubManager, lockManager, eventQueue, workerIdAllocator, cacheManager, authManager.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface Logger {
  debug(message: string, meta?: unknown): void;
  info(message: string, meta?: unknown): void;
  warn(message: string, meta?: unknown): void;
  error(message: string, meta?: unknown): void;
}

/** server/src/pub-sub-manager/types.ts. The manager wraps messages and skips its own; an adapter delivers to all. */
export interface PubSubAdapter {
  isConnected(): boolean | Promise<boolean>;
  connect(): Promise<void>;
  close(): Promise<void>;
  subscribe(channel: string, callback: MessageHandler): Promise<void>;
  unsubscribe(channel: string, callback: MessageHandler): Promise<void>;
  publish(channel: string, message: string): Promise<void>;
}
export type MessageHandler = (message: string) => Promise<void> | void;

/** lock-manager/src/lock-manager.ts. Times are milliseconds. */
export interface LockAdapter {
  connect(): Promise<void>;
  close(): Promise<void>;
  acquire(key: string, ttl: number): Promise<() => Promise<void>>;
  runExclusive<T>(key: string, work: () => Promise<T> | T, ttl: number): Promise<T>;
  tryAcquire(key: string, timeout?: number): Promise<AcquiredLock>;
}
export interface AcquiredLock {
  release(): Promise<void>;
  acquire(ttl: number): Promise<() => Promise<void>>;
  extend(ttl: number): Promise<void>;
  runExclusive<T>(work: () => Promise<T> | T, ttl: number): Promise<T>;
}

/** server/src/event-queue.ts. Times are milliseconds; a concurrency of 0 or less is unlimited. */
export interface QueueEvent {
  interval?: number;
  concurrency?: number;
  shared?: boolean;
  idle(): boolean;
  process(
    content: unknown,
    options: { id: string; retried: number; signal: AbortSignal; queueOptions: QueueMessageOptions },
  ): Promise<unknown>;
}
export interface QueueMessageOptions {
  timeout?: number;
  maxRetries?: number;
  retried?: number;
  timestamp?: number;
}
export interface QueueAdapter {
  isConnected(): boolean;
  connect(): Promise<void>;
  close(): Promise<void>;
  subscribe(channel: string, event: QueueEvent): void;
  unsubscribe(channel: string): void;
  publish(channel: string, content: unknown, options?: QueueMessageOptions): Promise<void>;
}

/** server/src/worker-id-allocator.ts: ids are 0–31. */
export interface WorkerIdAdapter {
  getWorkerId(): Promise<number>;
  release(): Promise<void>;
}

/** The stores of cache-manager 5, which @nocobase/cache wraps. Times are milliseconds. */
export interface CacheStore {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown, ttl?: number): Promise<void>;
  del(key: string): Promise<void>;
  reset(): Promise<void>;
  mset(entries: [string, unknown][], ttl?: number): Promise<void>;
  mget(...keys: string[]): Promise<unknown[]>;
  mdel(...keys: string[]): Promise<void>;
  keys(pattern?: string): Promise<string[]>;
  ttl(key: string): Promise<number>;
}
export interface Cache {
  del(key: string): Promise<void>;
  reset(): Promise<void>;
}

/** auth/src/base/token-blacklist-service.ts */
export interface TokenBlacklist {
  has(token: string): Promise<boolean>;
  add(values: { token: string; expiration: string | Date }): Promise<unknown>;
}
/** auth/src/base/token-control-service.ts */
export interface TokenController {
  renew: (jti: string) => Promise<{ jti: string; issuedTime: number }>;
}

export interface Transaction {
  commit(): Promise<void>;
  finished?: unknown;
}

export interface Repository {
  find(options: unknown): Promise<Record<string, unknown>[]>;
  findOne(options: unknown): Promise<Record<string, unknown> | null>;
  destroy(options: unknown): Promise<unknown>;
  update(options: unknown): Promise<unknown>;
  model: { findOrCreate(options: unknown): Promise<unknown> };
}

export interface Database {
  on(event: string, listener: (model: Model, options: { transaction?: Transaction }) => unknown): void;
  getRepository(collection: string): Repository;
  options: { schema?: string; dialectOptions?: { ssl?: unknown } };
  sequelize: {
    config: { host: string; port: number | string; database: string; username: string; password: string };
    query(sql: string, options: { bind: unknown[]; transaction: Transaction }): Promise<unknown>;
    addHook(name: "beforeConnect", hook: () => Promise<void>): void;
  };
}
export interface Model {
  get(name: string): unknown;
}

export interface SyncMessageManager {
  options: { debounce?: number };
  publish(
    channel: string,
    message: unknown,
    options?: { transaction?: Transaction; skipSelf?: boolean },
  ): Promise<unknown>;
  subscribe(channel: string, callback: (message: unknown) => Promise<void>): Promise<unknown>;
}

/** acl/src/acl.ts */
export interface Acl {
  removeRole(name: string): void;
  getRole(name: string): { revokeResource(name: string): void } | undefined;
}

/** server/src/application.ts */
export interface Application {
  name: string;
  options: { cacheManager?: CacheManagerOptions };
  logger: Logger;
  db: Database;
  stopped: boolean;
  /** Makes the app anew from its database, without starting it. */
  reload(): Promise<void>;
  getPackageVersion(): string;
  on(event: string, listener: (...args: never[]) => unknown): void;
  pubSubManager: {
    publisherId: string;
    setAdapter(adapter: PubSubAdapter): void;
    getFullChannel(channel: string): string;
    publish(channel: string, message: unknown, options?: unknown): Promise<void>;
  };
  syncMessageManager: SyncMessageManager;
  lockManager: {
    options: { defaultAdapter?: string };
    registerAdapter(name: string, config: { Adapter: new () => LockAdapter }): void;
    runExclusive<T>(key: string, work: () => Promise<T> | T, ttl?: number): Promise<T>;
  };
  eventQueue: { setAdapter(adapter: QueueAdapter): void };
  workerIdAllocator: { setAdapter(adapter: WorkerIdAdapter): void };
  snowflakeIdGenerator?: { generate(): number };
  createCacheManager(): Promise<unknown>;
  destroy(options?: unknown): Promise<void>;
  cacheManager: { getCache(name: string): Cache };
  authManager: {
    setTokenBlacklistService(service: TokenBlacklist): void;
    tokenController?: TokenController;
  };
  dataSourceManager: { dataSources: Map<string, { acl: Acl }> };
  runCommandThrowError(command: string, ...args: string[]): Promise<unknown>;
}

export interface CacheManagerOptions {
  defaultStore?: string;
  stores?: Record<string, { store: unknown }>;
}

/** Answers a request, or returns `false` to let NocoBase answer. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<unknown>;
export type UpgradeHandler = (request: IncomingMessage, socket: Socket, head: Buffer) => Promise<unknown>;
