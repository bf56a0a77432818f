/** NocoBase's log lines for people. */
import { tailOf } from "./files";

interface LogRecord {
  level?: string;
  message?: string;
  extra?: { method?: string; error?: { message?: string } };
}

/** Printed at each start by one of its libraries; says nothing of the instance. */
const NOISE = /^(About to overwrite ArrayBuffer|Gateway IPC Server running)/;

/**
 * What a log's last lines say, oldest first and without repetitions: the message of NocoBase's JSON lines, other lines
 * as they are. Lines about a health probe during the start carry the step the start is at; its level is no error then.
 */
export function describeLog(file: string, lines: number): string[] {
  const texts = tailOf(file, lines * 8)
    .map(describeLine)
    .filter((text) => text !== "" && !NOISE.test(text));
  return texts.filter((text, index) => text !== texts[index - 1]).slice(-lines);
}

function describeLine(line: string): string {
  if (!line.startsWith("{")) return line.trim();
  let record: LogRecord;
  try {
    record = JSON.parse(line) as LogRecord;
  } catch {
    return line;
  }
  const text = record.message ?? "";
  const detail = record.extra?.error?.message ?? "";
  const isStep = record.extra?.method === "responseErrorWithCode";
  const full = detail !== "" && !text.includes(detail) ? `${text} ${detail}`.trim() : text;
  return record.level === "error" && !isStep ? `error: ${full}` : full;
}
