/** Which process of an instance gets the next request. */
import { setTimeout as sleep } from "node:timers/promises";
import { readEndpoints, type Endpoint } from "../supervisor/endpoints";
import type { GatewayRoute } from "./routes";
import { watchFolder } from "./watch";

/** How long a process that refused a connection is passed over; its supervisor has told of it long before. */
const REFUSED_MS = 1000;
const IDLE_CHECK_MS = 10;

/**
 * Balances over the ready processes of each instance, as its supervisor tells them: the one with the fewest requests
 * under way, in turn where they are equal. Where none is ready, over those that run: their own answer says more.
 */
export class Balancer {
  private readonly known = new Map<string, readonly Endpoint[] | undefined>();
  private readonly load = new Map<string, number>();
  private readonly refusedUntil = new Map<string, number>();
  private readonly watches = new Map<string, () => void>();
  private turn = 0;

  /** @param folder of the endpoint files; without one each route has its target alone */
  constructor(private readonly folder?: string) {
    if (folder !== undefined) this.watch(folder);
  }

  /** Address for the next request; undefined where no process but those in `tried` takes any. */
  choose(
    { instance, target, endpoints: folder }: GatewayRoute,
    tried: ReadonlySet<string> = new Set(),
  ): string | undefined {
    const endpoints = instance === undefined ? undefined : this.endpointsOf(instance, folder);
    if (!endpoints) return tried.has(target) ? undefined : target;
    const running = endpoints.filter(({ url, terminating }) => !terminating && !tried.has(url));
    const ready = running.filter((endpoint) => endpoint.ready && !this.refuses(endpoint.url));
    const pool = (ready.length > 0 ? ready : running).map(({ url }) => url);
    const least = Math.min(...pool.map((url) => this.loadOf(url)));
    const idlest = pool.filter((url) => this.loadOf(url) === least);
    return idlest[this.turn % idlest.length];
  }

  /** Counts a request or WebSocket that is passed on to this address; call the result once when it has ended. */
  begin(url: string): () => void {
    this.turn += 1;
    this.load.set(url, this.loadOf(url) + 1);
    return () => {
      const left = this.loadOf(url) - 1;
      if (left > 0) this.load.set(url, left);
      else this.load.delete(url);
    };
  }

  /** Remembers that nobody listened at this address. */
  refused(url: string): void {
    this.refusedUntil.set(url, Date.now() + REFUSED_MS);
  }

  /**
   * Takes over what the supervisor says now, and waits until no request is under way to this address, or for
   * `limitMs`. What `lasting` counts, WebSockets, would never end by itself.
   */
  async idle(instance: string, url: string, limitMs: number, lasting: () => number): Promise<void> {
    this.known.delete(instance);
    const limit = Date.now() + limitMs;
    while (this.loadOf(url) > lasting() && Date.now() < limit) await sleep(IDLE_CHECK_MS);
  }

  close(): void {
    for (const endWatch of this.watches.values()) endWatch();
  }

  private endpointsOf(instance: string, folder = this.folder): readonly Endpoint[] | undefined {
    if (folder === undefined) return undefined;
    this.watch(folder);
    // Names of a tenant's instances are its own: another stack may have the same.
    const id = folder === this.folder ? instance : `${folder}/${instance}`;
    if (!this.known.has(id)) this.known.set(id, readEndpoints(folder, instance));
    return this.known.get(id);
  }

  private watch(folder: string): void {
    if (this.watches.has(folder)) return;
    // Read again when it is asked for next.
    this.watches.set(
      folder,
      watchFolder(folder, () => this.known.clear()),
    );
  }

  private loadOf(url: string): number {
    return this.load.get(url) ?? 0;
  }

  private refuses(url: string): boolean {
    const until = this.refusedUntil.get(url);
    if (until === undefined) return false;
    if (Date.now() < until) return true;
    this.refusedUntil.delete(url);
    return false;
  }
}
