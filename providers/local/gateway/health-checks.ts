/** Which processes take requests, where no supervisor tells: each is asked for its own health. */
import { get } from "node:http";
import type { Endpoint } from "../supervisor/endpoints";

const HEALTH_PATH = "/api/__health_check";
/** A replica says that it is going to end for a second before it refuses anything. */
const INTERVAL_MS = 250;
const TIMEOUT_MS = 2000;

interface Check {
  ready: boolean;
  timer?: NodeJS.Timeout;
}

/** Health of addresses; one that was never asked is taken as ready. */
export class HealthChecks {
  private readonly checks = new Map<string, Check>();

  /** These and no others from now on. */
  watch(urls: readonly string[]): void {
    for (const [url, check] of this.checks) {
      if (urls.includes(url)) continue;
      clearTimeout(check.timer);
      this.checks.delete(url);
    }
    for (const url of urls) {
      if (this.checks.has(url)) continue;
      const check: Check = { ready: true };
      this.checks.set(url, check);
      this.ask(url, check);
    }
  }

  endpoints(urls: readonly string[]): Endpoint[] {
    return urls.map((url) => ({
      name: url,
      url,
      ready: this.checks.get(url)?.ready ?? true,
      terminating: false,
    }));
  }

  private ask(url: string, check: Check): void {
    const told = (ready: boolean): void => {
      if (this.checks.get(url) !== check) return;
      check.ready = ready;
      clearTimeout(check.timer);
      check.timer = setTimeout(() => this.ask(url, check), INTERVAL_MS);
      check.timer.unref();
    };
    const request = get(`${url}${HEALTH_PATH}`, { agent: false, timeout: TIMEOUT_MS }, (answer) => {
      answer.resume();
      answer.on("end", () => told(answer.statusCode === 200));
      answer.on("error", () => told(false));
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", () => told(false));
  }
}
