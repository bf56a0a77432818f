import { isDeepStrictEqual } from "node:util";
import { rowsOf, type EntryApplication } from "../contracts";
import { withoutChange, type App, type Environment, type RegistryControl } from "../registry/control";

/** How often silence is looked for; changes are notified. Milliseconds. */
const LOOK_EVERY_MS = 2000;
const COMMANDS_AT_ONCE = 200;
/** Changes are numbered before they are committed, so a late one may have a lower number. */
const LATE_CHANGES = 50;
const MEMORY_STEP_MIB = 32;
const FORGET_EVERY_MS = 3_600_000;
/** How long finished commands are kept. */
const KEEP_DAYS = 90;

type Values = Record<string, unknown>;

/** Keeps the entry app's collections as the registry has it. Of several processes of the entry app one does. */
export class Mirror {
  private readonly known = new Map<string, Map<string, Values>>();
  private lastChange = "0";
  private working: Promise<void> | undefined;
  private again = false;
  private timer: NodeJS.Timeout | undefined;
  private forgotAt = 0;

  constructor(
    private readonly app: EntryApplication,
    private readonly control: RegistryControl,
    private readonly warn: (message: string) => void,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref();
    this.look();
  }

  /** The registry may have changed. */
  look(): void {
    if (!this.timer) return;
    this.again = true;
    this.working ??= this.work().finally(() => (this.working = undefined));
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    await this.working;
  }

  private async work(): Promise<void> {
    while (this.again && this.timer) {
      this.again = false;
      try {
        if (!(await this.control.follows())) {
          this.known.clear();
          return;
        }
        await this.copy();
      } catch (error) {
        // Tried again with the next look, from what is really there.
        this.known.clear();
        this.warn(`following the registry failed: ${String(error)}`);
      }
    }
  }

  private async copy(): Promise<void> {
    await this.control.expire();
    if (Date.now() - this.forgotAt > FORGET_EVERY_MS) {
      this.forgotAt = Date.now();
      await this.control.forget(KEEP_DAYS);
    }
    const environments = await this.control.environments();
    await this.adjust(
      "environments",
      "name",
      environments.map((each) => this.steady(each)),
      true,
    );
    const apps = await this.control.apps();
    await this.adjust(
      "applications",
      "name",
      apps.map((app) => shown(app)),
      true,
    );
    await this.copyCommands();
  }

  /** Memory moves with every sign of life: only what is worth a look is written. */
  private steady(environment: Environment): Values {
    const before = this.known.get("environments")?.get(environment.name)?.memoryMiB;
    const { memoryMiB } = environment;
    const close =
      typeof before === "number" && memoryMiB !== null && Math.abs(memoryMiB - before) < MEMORY_STEP_MIB;
    return { ...environment, memoryMiB: close ? before : memoryMiB };
  }

  private async copyCommands(): Promise<void> {
    for (;;) {
      const from = BigInt(this.lastChange) - BigInt(LATE_CHANGES);
      const commands = await this.control.changedCommands(String(from > 0n ? from : 0n), COMMANDS_AT_ONCE);
      await this.adjust(
        "applicationCommands",
        "requestId",
        commands.map((command) => ({ ...withoutChange(command) })),
        false,
      );
      this.lastChange = commands.at(-1)?.change ?? this.lastChange;
      if (commands.length < COMMANDS_AT_ONCE) return;
    }
  }

  /** Writes what differs, row by row and through the repository, so that workflows hear of it. */
  private async adjust(collection: string, key: string, rows: Values[], all: boolean): Promise<void> {
    const repository = rowsOf(this.app, collection);
    let known = this.known.get(collection);
    if (!known) {
      known = new Map((await repository.find()).map((row) => [String(row.toJSON()[key]), row.toJSON()]));
      this.known.set(collection, known);
    }
    for (const values of rows) {
      const id = String(values[key]);
      const before = known.get(id);
      if (!before) await repository.create({ values });
      else if (differs(before, values)) await repository.update({ filterByTk: id, values });
      known.set(id, values);
    }
    if (!all) return;
    const wanted = new Set(rows.map((values) => String(values[key])));
    for (const id of [...known.keys()].filter((each) => !wanted.has(each))) {
      await repository.destroy({ filterByTk: id });
      known.delete(id);
    }
  }
}

/** The row of an app: an association has the environment's own name, and where requests go is no matter of people. */
function shown(app: App): Values {
  const { environment, ...row }: Partial<App> = app;
  delete row.targets;
  return { ...row, environmentName: environment };
}

function differs(before: Values, after: Values): boolean {
  return Object.entries(after).some(([name, value]) => !isDeepStrictEqual(plain(before[name]), plain(value)));
}

function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  return value ?? null;
}
