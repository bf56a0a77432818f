/** Shows an update while it runs: a line for each finished step, a sign of life for those that take long. */
import type { EngineEvent, OpType } from "@pulumi/pulumi/automation";

const DONE: Partial<Record<OpType, string>> = {
  create: "created",
  update: "updated",
  delete: "deleted",
  replace: "replaced",
  "create-replacement": "created anew",
  "delete-replaced": "removed",
  read: "read",
  refresh: "refreshed",
  import: "adopted",
};

/** Steps that only book-keep; their create/delete halves are shown. */
const SILENT: ReadonlySet<string> = new Set([
  "same",
  "replace",
  "refresh",
  "read-discard",
  "discard-replaced",
]);

interface Working {
  since: number;
  lastSign: number;
  status: string;
}

export interface EventView {
  handle(event: EngineEvent): void;
  /** Error texts that the engine reported, for the explanation at the end. */
  readonly errors: readonly string[];
  close(): void;
}

/**
 * @param write prints one line
 * @param quietMs how long a step may work before the next sign of life, milliseconds
 */
export function createEventView(write: (line: string) => void, quietMs = 5000, now = Date.now): EventView {
  const working = new Map<string, Working>();
  const errors: string[] = [];

  const signsOfLife = () => {
    for (const [urn, step] of working) {
      if (now() - step.lastSign < quietMs) continue;
      step.lastSign = now();
      write(`  … ${label(urn)}: ${step.status || "working"} (${seconds(now() - step.since)})`);
    }
  };
  const timer = setInterval(signsOfLife, 1000);
  timer.unref();

  const finish = (urn: string, verb: string) => {
    const step = working.get(urn);
    working.delete(urn);
    const took = step ? ` ${seconds(now() - step.since)}` : "";
    write(`  ${verb.padEnd(12)} ${label(urn)}${took}`);
  };

  return {
    errors,
    handle(event) {
      if (event.resourcePreEvent) {
        const { op, urn } = event.resourcePreEvent.metadata;
        if (!SILENT.has(op) && !isComponent(urn))
          working.set(urn, { since: now(), lastSign: now(), status: "" });
      } else if (event.resOutputsEvent) {
        const { op, urn } = event.resOutputsEvent.metadata;
        if (!SILENT.has(op) && !isComponent(urn)) finish(urn, DONE[op] ?? op);
      } else if (event.resOpFailedEvent) {
        finish(event.resOpFailedEvent.metadata.urn, "FAILED");
      } else if (event.diagnosticEvent) {
        const { urn, message, severity, ephemeral } = event.diagnosticEvent;
        const text = plain(message);
        const step = urn === undefined ? undefined : working.get(urn);
        if (ephemeral) {
          if (step) step.status = text;
        } else if (severity === "error") {
          errors.push(text);
          write(indent(`error: ${urn && !isStack(urn) ? `${label(urn)}: ` : ""}${text}`));
        } else if (severity === "warning") write(indent(`warning: ${text}`));
        else if (/^info/.test(severity)) write(indent(`${urn ? `${label(urn)}: ` : ""}${text}`));
      }
    },
    close() {
      clearInterval(timer);
    },
  };
}

/** Components and the stack itself do nothing of their own; their children are shown. */
function isComponent(urn: string): boolean {
  return isStack(urn) || /(::|\$)nocobase-fleet:index:\w+::/.test(urn);
}

function isStack(urn: string): boolean {
  return urn.includes("::pulumi:pulumi:Stack::");
}

/** `crm-db (Database)` */
function label(urn: string): string {
  const [, , types, ...name] = urn.split("::");
  const type = (types ?? "").split("$").pop()?.split(":").pop() ?? "";
  return `${name.join("::")} (${type})`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
}

/** Without the engine's colour marks (`<{%reset%}>`) and trailing space. */
function plain(message: string): string {
  return message.replace(/<\{%[^%]*%\}>/g, "").trimEnd();
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
