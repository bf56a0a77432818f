import * as fs from "node:fs";
import * as path from "node:path";

const FILE = "fleet-supervisor.json";

/**
 * The apps that were stopped on purpose. Kept in a file, so that they stay so over a restart of their environment,
 * whether or not the registry can be reached then.
 */
export class Holds {
  private names: Set<string>;
  private readonly file: string;

  /** @param storage the environment's storage folder @param changed called after every change */
  constructor(
    storage: string,
    private readonly changed: () => void,
  ) {
    this.file = path.join(storage, FILE);
    this.names = new Set(readNames(this.file));
  }

  /** Takes over what another process wrote. True where that changed anything. */
  reread(): boolean {
    const names = readNames(this.file);
    if (names.length === this.names.size && names.every((name) => this.names.has(name))) return false;
    this.names = new Set(names);
    this.changed();
    return true;
  }

  get any(): boolean {
    return this.names.size > 0;
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  hold(name: string): void {
    if (this.names.has(name)) return;
    this.names.add(name);
    this.write();
  }

  release(name: string): void {
    if (this.names.delete(name)) this.write();
  }

  private write(): void {
    const temporary = `${this.file}.${process.pid}`;
    fs.writeFileSync(temporary, JSON.stringify({ held: [...this.names].sort() }), { mode: 0o600 });
    fs.renameSync(temporary, this.file);
    this.changed();
  }
}

function readNames(file: string): string[] {
  try {
    const { held } = JSON.parse(fs.readFileSync(file, "utf8")) as { held?: unknown };
    return Array.isArray(held) ? held.filter((name): name is string => typeof name === "string") : [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new Error(
      `${file} can't be read: ${String(error)}. Remove it, and every app counts as not stopped.`,
    );
  }
}
