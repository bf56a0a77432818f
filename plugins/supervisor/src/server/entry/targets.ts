import type { Balancing } from "../../../../../providers/local/gateway/proxy";
import type { GatewayRoute } from "../../../../../providers/local/gateway/routes";

/** How long a process that refused a connection is passed over: the registry notices its silence later. */
const REFUSED_MS = 1000;

/** Balances over the processes that the registry names for an app, in turn. */
export class Targets implements Balancing {
  private byApp: ReadonlyMap<string, readonly string[]> = new Map();
  private readonly refusedUntil = new Map<string, number>();
  private turn = 0;

  /** Takes over the addresses of each app's processes. */
  exchange(byApp: ReadonlyMap<string, readonly string[]>): void {
    this.byApp = byApp;
  }

  choose({ key }: Pick<GatewayRoute, "key">, tried: ReadonlySet<string> = new Set()): string | undefined {
    const left = (this.byApp.get(key) ?? []).filter((url) => !tried.has(url));
    const open = left.filter((url) => (this.refusedUntil.get(url) ?? 0) <= Date.now());
    const pool = open.length > 0 ? open : left;
    return pool[this.turn % pool.length];
  }

  begin(): () => void {
    this.turn += 1;
    return () => undefined;
  }

  refused(url: string): void {
    this.refusedUntil.set(url, Date.now() + REFUSED_MS);
  }

  idle(): Promise<void> {
    return Promise.resolve();
  }

  /** The registry tells who is there. */
  watchHealth(): void {}

  close(): void {}
}
