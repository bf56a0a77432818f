/** Starting and ending one process: detached, so that it outlives the daemon. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, isAlive, sendSignal, type ProcessIdentity } from "../support/processes";
import { openLog } from "./logs";
import type { ExitReport, UnitDefinition } from "./protocol";

/** Passed on from the daemon; everything else a unit needs is in its environment file. */
const INHERITED = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME"];

/** Variables of this process that its children may have: no passphrases, tokens or Pulumi settings among them. */
export function cleanEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

/** Spawns the unit's process. Throws where it can't be started at all (no such command, unreadable environment). */
export async function spawnUnit(
  unit: UnitDefinition,
  logFile: string,
  marker: { name: string; value: string },
  onExit: (identity: ProcessIdentity, report: ExitReport) => void,
): Promise<ProcessIdentity> {
  const environment =
    unit.envFile === undefined
      ? {}
      : (JSON.parse(fs.readFileSync(unit.envFile, "utf8")) as Record<string, string>);
  const log = openLog(logFile);
  try {
    const child = spawn(unit.command, unit.args, {
      cwd: unit.cwd,
      env: { ...cleanEnvironment(), ...environment, [marker.name]: marker.value },
      detached: true,
      stdio: ["ignore", log, log],
      uid: unit.uid,
      gid: unit.gid,
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("spawn", () => {
        if (child.pid === undefined) reject(new Error("no process id"));
        else resolve(child.pid);
      });
    });
    child.unref();
    // A process that ended at once is still a zombie here, or gone: either way it has no identity any more.
    const identity = identify(pid) ?? { pid, startTicks: "gone", bootId: "gone" };
    const report = (code: number | null, signal: NodeJS.Signals | null): void =>
      onExit(identity, { code, signal, at: new Date().toISOString() });
    if (child.exitCode !== null || child.signalCode !== null) {
      setImmediate(() => report(child.exitCode, child.signalCode));
    } else {
      child.once("exit", report);
    }
    return identity;
  } finally {
    fs.closeSync(log);
  }
}

/** Ends a process: the unit's signal first, SIGKILL to its group after the grace period. Returns true where it had to be killed. */
export async function endProcess(identity: ProcessIdentity, stop: UnitDefinition["stop"]): Promise<boolean> {
  if (!isAlive(identity)) return false;
  sendSignal(identity.pid, stop.signal);
  if (await gone(identity, stop.graceMs)) return false;
  sendSignal(identity.pid, "SIGKILL", true);
  if (isAlive(identity)) sendSignal(identity.pid, "SIGKILL");
  if (!(await gone(identity, 10_000)))
    throw new Error(`process ${identity.pid} does not end, even by SIGKILL`);
  return true;
}

async function gone(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const limit = Date.now() + limitMs;
  while (isAlive(identity)) {
    if (Date.now() >= limit) return false;
    await sleep(50);
  }
  return true;
}
