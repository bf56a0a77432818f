/** Shows many stacks at work: a line for each that is done, and on a terminal the ones under way below. */
import { headline, sentence, isNamed } from "../preview/words";
import { formatTable } from "../output/table";
import type { StackResult } from "./operation";
import type { RunView } from "./run";

/** Where lines go. */
export interface Screen {
  write(text: string): void;
  /** Characters in a line; undefined where it is no terminal. */
  columns?: number;
}

interface Working {
  since: number;
  line: string;
}

/** A view that is closed when all is done. */
export interface Display extends RunView {
  close(): void;
}

/** @param total number of stacks */
export function createDisplay(screen: Screen, total: number, now = Date.now): Display {
  const working = new Map<string, Working>();
  let done = 0;
  let shown = 0;
  const isLive = screen.columns !== undefined;

  const erase = () => {
    if (shown > 0) screen.write(`\u001b[${shown}A\u001b[0J`);
    shown = 0;
  };
  const draw = () => {
    if (!isLive || working.size === 0) return;
    const rows = [...working].map(
      ([stack, { since, line }]) => `  … ${stack} ${elapsed(now() - since)} ${line}`,
    );
    rows.push(`  ${done} of ${total} stacks done`);
    for (const row of rows) screen.write(`${row.slice(0, (screen.columns ?? 80) - 1)}\n`);
    shown = rows.length;
  };
  const redraw = (print?: () => void) => {
    erase();
    print?.();
    draw();
  };
  const timer = isLive ? setInterval(redraw, 1000) : undefined;
  timer?.unref();
  return {
    begin(stack) {
      working.set(stack, { since: now(), line: "" });
      redraw();
    },
    say(stack, line) {
      const step = working.get(stack);
      if (step) step.line = line;
    },
    end(result) {
      working.delete(result.stack);
      done++;
      redraw(() => screen.write(`${doneLine(result)}\n`));
    },
    close() {
      clearInterval(timer);
      erase();
    },
  };
}

/** `acme  ok  1.8 s  1 app created` */
function doneLine({ stack, ok, seconds, effects, changes }: StackResult): string {
  const what = headline(effects) || (Object.keys(changes).length > 0 ? "changed" : "no changes");
  return `${ok ? "ok    " : "FAILED"} ${stack} ${elapsed(seconds * 1000)}${ok ? `  ${what}` : ""}`;
}

/** The end of a run: failures with their reasons, what is lost or restarts, and the numbers. */
export function summary(operation: string, results: readonly StackResult[]): string {
  const failures = results.filter(({ ok }) => !ok);
  const lines = failures.flatMap(({ stack, error }) => [
    "",
    `${stack}:`,
    ...(error ?? "").split("\n").map((line) => `  ${line}`),
  ]);
  const named = results.flatMap(({ stack, effects }) =>
    effects.filter((effect) => isNamed(effect)).map((effect) => `  ${sentence(effect, stack)}`),
  );
  if (named.length > 0) lines.push("", ...named);
  const changed = results.filter(({ ok, changes }) => ok && Object.keys(changes).length > 0);
  const unchanged = results.length - failures.length - changed.length;
  const table = formatTable(
    ["stacks", "changed", "unchanged", "failed"],
    [[results.length, changed.length, unchanged, failures.length].map(String)],
  );
  return [
    ...lines,
    "",
    `${operation} of ${results.length} ${results.length === 1 ? "stack" : "stacks"}:`,
    table,
  ]
    .join("\n")
    .trim();
}

function elapsed(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
