import type { ClientConfig } from "pg";
import { CommandWorker } from "../commands/worker";
import { RegistryMember, type ReportAnswer } from "../registry/member";
import type { Action, AppState, MemberInfo } from "../registry/types";

/** A third of the time after which a member counts as gone, so that a lost or late sign of life doesn't matter. */
const HEARTBEAT_MS = 3000;

/** What runs apps: the process that an agent speaks for. */
export interface AppHost {
  info(): MemberInfo;
  /** All its apps as they are now; null while that isn't known, as it starts. */
  states(): Promise<AppState[] | null>;
  /** @throws Error with what went wrong, for the person who gave the command */
  execute(app: string, action: Action): Promise<void>;
}

/** Tells the registry of a process and its apps, and has the registry's commands carried out. */
export class Agent {
  private readonly member: RegistryMember;
  private readonly worker: CommandWorker;
  private heart: NodeJS.Timeout | undefined;
  private telling: Promise<void> | undefined;
  private dirty = true;
  private stopped = false;

  constructor(
    config: ClientConfig & { user: string },
    replica: string,
    private readonly host: AppHost,
    private readonly warn: (message: string) => void,
  ) {
    this.member = new RegistryMember(config, replica, {
      info: () => host.info(),
      entered: () => {
        this.changed();
        this.worker.look();
      },
      commands: () => this.worker.look(),
      warn,
    });
    this.worker = new CommandWorker(this.member, (app, action) => this.execute(app, action), warn);
  }

  get connected(): boolean {
    return this.member.connected;
  }

  /** Returns at once: an environment serves its apps whether or not the registry can be reached. */
  start(): void {
    this.member.start();
    this.heart = setInterval(() => this.beat(), HEARTBEAT_MS).unref();
  }

  /** An app's state has changed: it is told at once. */
  changed(): void {
    this.dirty = true;
    this.telling ??= this.tell().finally(() => (this.telling = undefined));
  }

  async stop(): Promise<void> {
    if (this.stopped) return;
    this.halt();
    await this.telling;
    await this.member.stop();
  }

  private halt(): void {
    this.stopped = true;
    clearInterval(this.heart);
    this.worker.stop();
  }

  private beat(): void {
    if (!this.member.connected) return;
    this.telling ??= this.tell().finally(() => (this.telling = undefined));
    this.worker.look();
  }

  private async tell(): Promise<void> {
    do {
      const whole = this.dirty;
      this.dirty = false;
      const answer = await this.report(whole);
      if (answer === "superseded") {
        this.warn("a later process of this name has taken over; this one reports no more");
        this.halt();
        return;
      }
      // Told with the next connection.
      if (answer === "away") {
        this.dirty ||= whole;
        return;
      }
    } while (this.isDue());
  }

  /** Asked anew: changes and the end may come during any wait. */
  private isDue(): boolean {
    return this.dirty && !this.stopped;
  }

  private async report(whole: boolean): Promise<ReportAnswer> {
    try {
      return await this.member.report(whole ? await this.host.states() : null);
    } catch (error) {
      this.warn(`the apps' states can't be told: ${String(error)}`);
      return "away";
    }
  }

  /** Whoever asked for it sees the app's new state before they see the command done. */
  private async execute(app: string, action: Action): Promise<void> {
    try {
      await this.host.execute(app, action);
    } finally {
      this.changed();
      await this.telling;
    }
  }
}
