import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fleetRoot } from "../../../providers/local/root";
import { observeUnits } from "../../../providers/local/supervisor/client";
import { allPids, commandOf } from "../../../providers/local/support/processes";
import type { PlatformHarness } from "./fleet";
import { StateHarness } from "./state";

/** The local platform as the scenarios see it. */
export class LocalHarness extends StateHarness implements PlatformHarness {
  get root(): string {
    return fleetRoot(this.project.folder, this.project.stack);
  }

  async identities(): Promise<Record<string, string>> {
    const units = (await observeUnits(this.root)).filter((unit) => unit.pid !== undefined);
    return Object.fromEntries(
      units.map((unit) => [unit.definition.name, `${unit.pid ?? 0} since ${unit.state.startedAt ?? ""}`]),
    );
  }

  /** Replicas are no resources of their own here. */
  scaling(app: string): string[] {
    return ["updated declaration", `updated ${app}-instance`];
  }

  async kill(part: string): Promise<void> {
    const unit = (await observeUnits(this.root)).find(({ definition }) => definition.name === part);
    if (unit?.pid === undefined) throw new Error(`${part} doesn't run`);
    process.kill(unit.pid, "SIGKILL");
  }

  async powerCut(): Promise<void> {
    const pids = this.processes();
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone with its parent.
      }
    }
    while (this.processes().length > 0) await sleep(100);
  }

  exposedTexts(): Promise<Record<string, string>> {
    const texts: Record<string, string> = {};
    const read = (folder: string, wanted: (file: string, stat: fs.Stats) => boolean) => {
      for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const file = path.join(entry.parentPath, entry.name);
        const stat = fs.statSync(file, { throwIfNoEntry: false });
        // Database files hold the apps' own data, hashed passwords included.
        if (!stat || /\/data\//.test(file) || !wanted(file, stat)) continue;
        texts[file] = fs.readFileSync(file, "latin1");
      }
    };
    read(path.join(this.project.folder, ".pulumi-state"), (file) => !file.endsWith("passphrase"));
    read(this.root, (file, stat) => /\.log(\.\d+)?$|\/units\//.test(file) || (stat.mode & 0o077) !== 0);
    for (const pid of this.processes()) texts[`arguments of ${pid}`] = commandOf(pid) ?? "";
    return Promise.resolve(texts);
  }

  leftovers(): Promise<string[]> {
    const processes = this.processes().map((pid) => `process ${pid}: ${commandOf(pid) ?? ""}`);
    // Logs, backups and stray user files stay on purpose.
    const staying = ["backups", "kept", "logs", "supervisor"];
    const folders = fs.existsSync(this.root) ? fs.readdirSync(this.root) : [];
    const filled = folders.filter((name) => fs.readdirSync(path.join(this.root, name)).length > 0);
    return Promise.resolve([...processes, ...filled.filter((name) => !staying.includes(name))]);
  }

  /** Ends what a failed run left behind. */
  async cleanUp(): Promise<void> {
    await this.powerCut();
    const root = this.root;
    this.project.remove();
    if (!root.startsWith(this.project.folder))
      fs.rmSync(path.dirname(root), { recursive: true, force: true });
  }

  /** Every process that names this fleet's folder in its arguments, working folder or environment. */
  private processes(): number[] {
    const root = this.root;
    return allPids().filter((pid) => {
      if (pid === process.pid) return false;
      const proc = `/proc/${pid}`;
      const cwd = quietly(() => fs.readlinkSync(`${proc}/cwd`)) ?? "";
      const environ = quietly(() => fs.readFileSync(`${proc}/environ`, "latin1")) ?? "";
      return cwd.startsWith(root) || (commandOf(pid) ?? "").includes(root) || environ.includes(root);
    });
  }
}

function quietly<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** A port for the gateway that is free now, below the ephemeral range. */
export function gatewayPort(): number {
  return 13_100 + (process.pid % 800) + os.cpus().length;
}
