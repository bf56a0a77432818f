import * as fs from "node:fs";
import * as path from "node:path";
import { isAlive } from "../toolchain/process";

/**
 * Makes this process keep its temporary files in the project, closed to others. The Automation API writes the engine's
 * events there, debug messages with plain secrets among them, and removes them at the end; what a killed run left is
 * removed by the next one.
 */
export function usePrivateTemp(projectDir: string): void {
  const parent = path.join(projectDir, ".fleet", "tmp");
  fs.mkdirSync(parent, { recursive: true, mode: 0o700 });
  for (const name of fs.readdirSync(parent)) {
    if (!isAlive(Number(name))) fs.rmSync(path.join(parent, name), { recursive: true, force: true });
  }
  const own = path.join(parent, String(process.pid));
  if (process.env.TMPDIR === own) return;
  fs.mkdirSync(own, { recursive: true, mode: 0o700 });
  process.env.TMPDIR = own;
  process.on("exit", () => fs.rmSync(own, { recursive: true, force: true }));
}
