/** Starting and stopping one application, around what NocoBase 2.2.15 does when asked at the wrong moment. */
import {
  applicationHealth,
  findApplication,
  pause,
  POLL_MS,
  startApplication,
  stopApplication,
  until,
  type Call,
  type LiveApplication,
  type LiveStatus,
  type Session,
} from "../client";
import type { Context } from "../../kit/types";
import { isDown, onItsWay } from "./live";

/** A first start installs 100 tables: 4–18 s, 31 s on a busy machine; the attempts to reach a database take 151 s. */
const START_LIMIT_MS = 300_000;
const STOP_LIMIT_MS = 60_000;
/** NocoBase's ten attempts to reach a database end after 151 s. */
const SETTLE_LIMIT_MS = 200_000;
/** How long an old state may still show after a start was asked for. */
const TAKE_UP_MS = 5_000;

/** The application went to `error`, or never got to run. */
export class NotRunning extends Error {}

/** One application's life on its host. */
export class Runtime {
  constructor(
    private readonly host: Session,
    private readonly name: string,
    private readonly context: Pick<Context, "status" | "signal">,
  ) {}

  find(): Promise<LiveApplication | undefined> {
    return findApplication(this.host, this.name, this.call);
  }

  /**
   * Waits until NocoBase is through with whatever it does: a stop or start asked for meanwhile gets lost, and
   * leaves an object behind that later marks the application as failed.
   */
  async settle(limitMs = SETTLE_LIMIT_MS): Promise<LiveStatus> {
    return this.waitFor((status) => !onItsWay(status), limitMs, "NocoBase to finish what it is doing");
  }

  /** Starts it and waits until it answers. @throws {NotRunning} with NocoBase's own words */
  async start(): Promise<void> {
    if ((await this.status()) !== "running") {
      await startApplication(this.host, this.name, this.call);
      await this.untilRunning();
    }
    const answers = await until(async () => ((await this.health()).ok ? true : undefined), {
      everyMs: POLL_MS,
      limitMs: 30_000,
      signal: this.context.signal,
    });
    if (!answers)
      throw new NotRunning(`NocoBase says it runs, but it doesn't answer: ${(await this.health()).text}`);
  }

  /** Stops it and makes sure by the list alone: any request to it would start it again. */
  async stop(): Promise<void> {
    const before = await this.settle();
    if (before === "stopped" || before === "initialized") return;
    await stopApplication(this.host, this.name, this.call);
    // One that failed keeps saying `error` after its stop; the stop has thrown its old object away all the same.
    if (before !== "error") await this.waitFor(isDown, STOP_LIMIT_MS, "it to stop");
  }

  /** Stop and start, so that what is registered now counts, and it stays so. */
  async restart(): Promise<void> {
    const before = await this.status();
    await this.stop();
    await this.start();
    if (before === "running") return;
    // An object of an earlier failed start may still flip the state once.
    await pause(1_500, this.context.signal);
    if ((await this.status()) === "running") return;
    await this.stop();
    await this.start();
  }

  private async untilRunning(): Promise<void> {
    const asked = Date.now();
    let takenUp = false;
    let lastSaid = 0;
    const outcome = await until(
      async () => {
        const status = await this.status();
        if (status === "running") return status;
        const busy = onItsWay(status);
        takenUp ||= busy;
        if (busy && Date.now() - lastSaid > 1_000) {
          lastSaid = Date.now();
          await this.report();
        }
        // What an earlier start left behind still shows for a moment.
        const settled = takenUp || Date.now() - asked > TAKE_UP_MS;
        return settled && !busy && status !== "initialized" ? status : undefined;
      },
      { everyMs: POLL_MS, limitMs: START_LIMIT_MS, signal: this.context.signal },
    );
    if (outcome === "running") return;
    const status = outcome ?? (await this.status());
    const text = status === "error" || onItsWay(status) ? (await this.health()).text : "";
    if (outcome) throw new NotRunning(text || `NocoBase says ${status} and nothing more`);
    const words = text ? `${status}: ${text}` : status;
    throw new NotRunning(`it doesn't run after ${START_LIMIT_MS / 1000} s; NocoBase says ${words}`);
  }

  private async waitFor(good: (status: LiveStatus) => boolean, limitMs: number, what: string) {
    const began = Date.now();
    let last: LiveStatus = "stopped";
    let said = 0;
    const look = async () => {
      last = await this.status();
      const seconds = Math.floor((Date.now() - began) / 1000);
      if (!good(last) && seconds > said) {
        said = seconds;
        this.context.status(
          `${this.name} is ${last}, waiting ${seconds} of at most ${limitMs / 1000} s for ${what}`,
        );
      }
      return good(last) ? last : undefined;
    };
    const patience = { everyMs: POLL_MS, limitMs, signal: this.context.signal };
    const status = await until(look, patience);
    if (status) return status;
    throw new NotRunning(
      `waited ${limitMs / 1000} s for ${what}, but NocoBase still says ${last}; restart the hosting instance ${this.host.url} if this stays`,
    );
  }

  /** NocoBase's own progress, e.g. `Loading data sources...`; empty while it tries to reach the database. */
  private async report(): Promise<void> {
    const { text } = await this.health().catch(() => ({ text: "" }));
    this.context.status(`${this.name}: ${text || "starting"}`);
  }

  private health() {
    return applicationHealth(this.host, this.name, this.call);
  }

  private async status(): Promise<LiveStatus> {
    return (await this.find())?.status ?? "not_found";
  }

  private get call(): Call {
    return { signal: this.context.signal };
  }
}
