import type { RegistryMember } from "../registry/member";
import type { Action, OpenCommand } from "../registry/types";
import { nextCommands } from "./order";

/** Carries out a command on an app; throws what went wrong. */
export type Execute = (app: string, action: Action) => Promise<void>;
type Registry = Pick<RegistryMember, "openCommands" | "begin" | "finish">;

const FINISH_TRIES_EVERY_MS = 500;

/** Carries out the commands that the registry holds for this process: in order for each app, and starts one by one. */
export class CommandWorker {
  /** Ids under way, with their apps. */
  private readonly running = new Map<string, OpenCommand>();
  private looking: Promise<void> | undefined;
  private again = false;
  private stopped = false;

  constructor(
    private readonly registry: Registry,
    private readonly execute: Execute,
    private readonly warn: (message: string) => void,
  ) {}

  /** Looks for commands; calls during a look lead to one more. */
  look(): void {
    this.again = true;
    this.looking ??= this.lookOn().finally(() => (this.looking = undefined));
  }

  /** Begins nothing any more. What is under way goes to the next process of this name, where it doesn't end before. */
  stop(): void {
    this.stopped = true;
  }

  private async lookOn(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false;
      try {
        const open = await this.registry.openCommands();
        // A command that timed out is open no more, but its app is still busy with it.
        const late = [...this.running.values()].filter(({ id }) => !open.some((each) => each.id === id));
        for (const command of nextCommands([...late, ...open], new Set(this.running.keys())))
          if (await this.registry.begin(command.id)) void this.carryOut(command);
      } catch (error) {
        // Away: it is looked again with the next sign of life.
        this.warn(`reading commands failed: ${String(error)}`);
      }
    }
  }

  private async carryOut(command: OpenCommand): Promise<void> {
    this.running.set(command.id, command);
    const error = await this.execute(command.app, command.action).then(
      () => null,
      (reason: unknown) => (reason instanceof Error ? reason.message : String(reason)),
    );
    await this.tell(command, error);
    this.running.delete(command.id);
    this.look();
  }

  /** Goes on until the registry has it: the command would be carried out twice otherwise. */
  private async tell(command: OpenCommand, error: string | null): Promise<void> {
    for (;;) {
      try {
        await this.registry.finish(command.id, error);
        return;
      } catch (reason) {
        if (this.stopped) return;
        this.warn(`the outcome of ${command.action} ${command.app} can't be told: ${String(reason)}`);
        await new Promise((done) => setTimeout(done, FINISH_TRIES_EVERY_MS).unref());
      }
    }
  }
}
