import { randomUUID } from "node:crypto";
import type { Client, ClientConfig } from "pg";
import { Session } from "../../../../shared/session";
import { Warnings } from "../../../../shared/warnings";
import { REGISTRY_SCHEMA } from "./schema";
import type { AppState, MemberInfo, OpenCommand } from "./types";

/** The server answers in milliseconds; one that doesn't in this time is connected to anew. */
const ANSWER_LIMIT_MS = 5000;

export interface MemberHooks {
  info(): MemberInfo;
  /** Entered, or again after a lost connection: everything is to be told and read anew. */
  entered(): void;
  /** There may be new commands. */
  commands(): void;
  warn(message: string): void;
}

/** What {@link RegistryMember.report} was answered with; `superseded`: a later process of this name has taken over. */
export type ReportAnswer = "ok" | "superseded" | "away";

/** An environment's or a dedicated app's side of the registry: one connection, as a role that may do no more than this. */
export class RegistryMember {
  /** Tells this process from an earlier one of its name, whose commands it takes over. */
  readonly session = randomUUID();
  private readonly connection: Session;
  private readonly warnings: Warnings;
  private open = true;
  /** The statement that was sent last: a connection takes one at a time. */
  private last: Promise<unknown> = Promise.resolve();

  /** @param config the connection as the member's own role @param replica its name among the role's processes */
  constructor(
    private readonly config: ClientConfig & { user: string },
    private readonly replica: string,
    private readonly hooks: MemberHooks,
  ) {
    this.warnings = new Warnings((message) => hooks.warn(message));
    this.connection = this.connect();
  }

  get connected(): boolean {
    return this.connection.connected;
  }

  /** Goes on trying in the background while the registry is away, or isn't made yet. */
  start(): void {
    this.connection.startPatiently();
  }

  /** Proves that this process lives. `apps`: all of its apps where something changed, null otherwise. */
  async report(apps: readonly AppState[] | null): Promise<ReportAnswer> {
    if (!this.connected) return "away";
    try {
      const answer = await this.use(async (client) => {
        const told = await this.tell(client, apps);
        if (told !== "unknown") return told;
        // The registry was restored or made anew.
        await this.enter(client);
        return this.tell(client, apps);
      });
      return answer === "superseded" ? "superseded" : "ok";
    } catch (error) {
      this.warnings.warn(`telling the registry failed: ${String(error)}`);
      return "away";
    }
  }

  /** Commands for this member that are not finished, oldest first. @throws Error while the registry is away */
  async openCommands(): Promise<OpenCommand[]> {
    return this.use(async (client) => {
      const { rows } = await client.query<OpenCommand>(
        `SELECT id::text, app, action FROM ${REGISTRY_SCHEMA}.open_commands()`,
      );
      return rows;
    });
  }

  /** Takes a command for this process. False where it isn't to be carried out (any more, or not yet). */
  async begin(id: string): Promise<boolean> {
    return this.ask("begin_command($1, $2)", [id, this.session]);
  }

  /** Says what came of a command. False where it was another process's meanwhile. */
  async finish(id: string, error: string | null): Promise<boolean> {
    return this.ask("finish_command($1, $2, $3)", [id, this.session, error]);
  }

  /** Says goodbye, so that nobody waits for the silence to be noticed. */
  async stop(): Promise<void> {
    this.open = false;
    if (this.connected)
      await this.use((client) =>
        client.query(`SELECT ${REGISTRY_SCHEMA}.leave($1, $2)`, [this.replica, this.session]),
      ).catch(() => undefined);
    await this.connection.stop();
  }

  private use<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const mine = this.last.then(() => this.connection.use(ANSWER_LIMIT_MS, work));
    this.last = mine.catch(() => undefined);
    return mine;
  }

  private connect(): Session {
    return new Session(this.config, this.config.user, {
      connected: async (client) => {
        await this.enter(client);
        setImmediate(() => this.hooks.entered());
      },
      lost: (reason) => {
        if (this.open) this.warnings.warn(`the registry is away: ${reason}`);
      },
      failed: (error) => this.warnings.warn(`the registry can't be entered: ${error.message}; trying on`),
      notified: () => this.hooks.commands(),
    });
  }

  private async enter(client: Client): Promise<void> {
    await client.query(`SELECT ${REGISTRY_SCHEMA}.enter($1, $2, $3)`, [
      this.replica,
      this.session,
      JSON.stringify(this.hooks.info()),
    ]);
    this.warnings.clear();
  }

  private async tell(client: Client, apps: readonly AppState[] | null): Promise<string | undefined> {
    const { rows } = await client.query<{ answer: string }>(
      `SELECT ${REGISTRY_SCHEMA}.report($1, $2, $3, $4) AS answer`,
      [this.replica, this.session, JSON.stringify(this.hooks.info()), apps && JSON.stringify(apps)],
    );
    return rows[0]?.answer;
  }

  private async ask(call: string, values: unknown[]): Promise<boolean> {
    return this.use(async (client) => {
      const { rows } = await client.query<{ yes: boolean }>(
        `SELECT ${REGISTRY_SCHEMA}.${call} AS yes`,
        values,
      );
      return rows[0]?.yes === true;
    });
  }
}
