/** Units and their live state on disk. */
import * as fs from "node:fs";
import { ensureFolder, listFolder, readTextIfExists, writeFileAtomic } from "../support/files";
import { supervisorLayout } from "./layout";
import type { UnitRecord, UnitState } from "./protocol";

/** Reads and writes unit files below a root. One daemon writes; anyone of the same user may read. */
export class UnitStore {
  readonly layout;

  constructor(readonly root: string) {
    this.layout = supervisorLayout(root);
  }

  /** Makes the folders. The root itself is left as it is: others may have to pass through it. */
  prepare(): void {
    fs.mkdirSync(this.root, { recursive: true, mode: 0o700 });
    const { folder, units, states, environments, endpoints, logs } = this.layout;
    for (const each of [folder, units, states, environments, endpoints, logs]) ensureFolder(each, 0o700);
  }

  /** All units, low order first. Unreadable files are skipped and told to `onFault`. */
  load(onFault: (message: string) => void = () => undefined): UnitRecord[] {
    const records: UnitRecord[] = [];
    for (const file of listFolder(this.layout.units)) {
      if (!file.endsWith(".json")) continue;
      const text = readTextIfExists(`${this.layout.units}/${file}`);
      if (text === undefined) continue;
      try {
        records.push(JSON.parse(text) as UnitRecord);
      } catch {
        onFault(`unit file ${file} is not JSON; ignored`);
      }
    }
    return records.sort((a, b) => a.order - b.order || a.name.localeCompare(b.name));
  }

  save(record: UnitRecord): void {
    writeFileAtomic(this.layout.unitFile(record.name), JSON.stringify(record, undefined, 1));
  }

  /** Last known live state; a fresh one where none was kept. */
  loadState(name: string): UnitState {
    const text = readTextIfExists(this.layout.stateFile(name));
    if (text !== undefined) {
      try {
        return JSON.parse(text) as UnitState;
      } catch {
        // Lost state costs a restart counter, no more: the process itself is found by its environment.
      }
    }
    return { phase: "stopped", restarts: 0 };
  }

  saveState(name: string, state: UnitState): void {
    writeFileAtomic(this.layout.stateFile(name), JSON.stringify(state));
  }

  /** Forgets a unit: its definition, state and environment. Logs stay. */
  remove(name: string): void {
    const { layout } = this;
    for (const file of [layout.unitFile(name), layout.stateFile(name), layout.envFile(name)]) {
      fs.rmSync(file, { force: true });
    }
  }
}
