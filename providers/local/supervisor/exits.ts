/** Why a process ended. */
import type { ResourceLimits } from "../../../plan/types";
import { tailOf } from "../support/files";
import type { ExitReport } from "./protocol";

/** Lines of V8's report and the native stack that follows it. */
const REPORT_LINES = 60;

/** True where V8 gave up: it says so in the log and aborts. An adopted process's signal isn't known. */
export function ranOutOfHeap({ code, signal }: ExitReport, logFile: string): boolean {
  if (signal !== "SIGABRT" && (signal !== null || code !== null)) return false;
  return tailOf(logFile, REPORT_LINES).some((line) => line.includes("JavaScript heap out of memory"));
}

/** For people: `ended by itself with code 1`, `out of memory (limit 1024 MiB)`. */
export function describeExit({ code, signal, outOfMemory }: ExitReport, limits: ResourceLimits = {}): string {
  if (outOfMemory) {
    return limits.memoryMiB === undefined ? "out of memory" : `out of memory (limit ${limits.memoryMiB} MiB)`;
  }
  return `ended by itself ${signal ? `by ${signal}` : `with code ${code ?? "unknown"}`}`;
}
