import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Member } from "../member/member";

/** Says to a gateway that this replica has not begun with the request: another one may be asked. */
export const UNTOUCHED_HEADER = "x-fleet-replica-unavailable";
const HEALTH_PATH = "/__health_check";
const POLL_MS = 20;

/** Lets requests in only while the replica serves, and lets those in work end before it stops. */
export class Gate {
  private inWork = 0;
  private draining = false;
  private closed = false;

  constructor(
    private readonly member: Member,
    private readonly name: string,
  ) {}

  /** A request handler of NocoBase's gateway: answers with 503 or returns false. */
  readonly request = (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    const isHealth = pathOf(request).endsWith(HEALTH_PATH);
    if (!this.member.serving || this.closed || (this.draining && isHealth)) {
      this.refuse(response);
      return Promise.resolve(true);
    }
    if (!isHealth) this.count(response);
    if (this.draining) response.setHeader("connection", "close");
    return Promise.resolve(false);
  };

  /** A handler of connection upgrades: WebSockets of a replica that doesn't serve are cut, and connect anew elsewhere. */
  readonly upgrade = (_request: IncomingMessage, socket: Duplex): Promise<unknown> => {
    if (this.member.serving && !this.draining) return Promise.resolve(false);
    socket.destroy();
    return Promise.resolve(true);
  };

  /**
   * Health checks fail from now on; requests are served for `noticeMs`, so that a gateway can take notice. Then new
   * ones are refused and those in work get `limitMs` to end.
   */
  async drain(noticeMs: number, limitMs: number): Promise<void> {
    this.draining = true;
    await sleep(noticeMs);
    this.closed = true;
    const end = Date.now() + limitMs;
    while (this.inWork > 0 && Date.now() < end) await sleep(POLL_MS);
  }

  private count(response: ServerResponse): void {
    this.inWork += 1;
    response.once("close", () => (this.inWork -= 1));
  }

  private refuse(response: ServerResponse): void {
    const reason = this.draining
      ? `Replica ${this.name} is stopping.`
      : `Replica ${this.name} waits for its database.`;
    response.writeHead(503, {
      "content-type": "application/json",
      "retry-after": "1",
      connection: "close",
      [UNTOUCHED_HEADER]: this.name,
    });
    response.end(JSON.stringify({ errors: [{ code: "REPLICA_UNAVAILABLE", message: reason }] }));
  }
}

function pathOf(request: IncomingMessage): string {
  return new URL(request.url ?? "/", "http://replica").pathname;
}
