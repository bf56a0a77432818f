import { ExitCode } from "../exit-codes";
import { formatTable } from "../output/table";
import { openStack } from "../session";
import { liveRows } from "../status/live";
import { isDegraded, type StatusRow } from "../status/rows";

/** `fleet status` */
export async function status(options: { stack: string; json?: boolean }): Promise<void> {
  const stack = await openStack(options.stack, { quiet: true });
  const rows = await liveRows(await stack.outputs(), stack.operations, stack.platform);
  if (options.json)
    console.log(JSON.stringify({ stack: options.stack, ok: !isDegraded(rows), parts: rows }, null, 2));
  else console.log(statusTable(rows));
  process.exitCode = isDegraded(rows) ? ExitCode.failed : ExitCode.ok;
}

/** The table that `status` and `up` print. */
export function statusTable(rows: readonly StatusRow[]): string {
  const header = [
    "name",
    "kind",
    "isolation",
    "environment",
    "state",
    "replicas",
    "url",
    "database",
    "memory",
    "note",
  ];
  const dash = (value: string | null) => value ?? "-";
  return formatTable(
    header,
    rows.map((row) => [
      row.name,
      row.kind,
      dash(row.isolation),
      dash(row.environment),
      row.ok ? row.state : `${row.state} (!)`,
      row.replicas === null ? "-" : `${row.replicas.ready}/${row.replicas.wanted}`,
      dash(row.url),
      dash(row.database),
      row.memoryMiB === null ? "-" : `${row.memoryMiB} MiB`,
      note(row),
    ]),
  );
}

function note(row: StatusRow): string {
  const last = row.lastExit === null ? "" : `, last: ${row.lastExit}`;
  const restarts = row.restarts
    ? `${row.restarts} ${row.restarts === 1 ? "restart" : "restarts"}${last}`
    : "";
  if (row.ok) return restarts;
  const { ready, wanted } = row.replicas ?? { ready: 0, wanted: 0 };
  const few =
    ready > 0 && ready < wanted ? `${ready} of ${wanted} replicas ready` : `should be ${row.declared}`;
  return [row.detail ?? few, restarts].filter((text) => text !== "").join("; ");
}
