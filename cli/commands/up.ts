import { ExitCode } from "../exit-codes";
import { openStack } from "../session";
import { runUpdate } from "../update";
import { liveRows } from "../status/live";
import { isDegraded } from "../status/rows";
import { statusTable } from "./status";

/** `fleet up` */
export async function up(options: { stack: string; json?: boolean }): Promise<void> {
  const stack = await openStack(options.stack, {
    create: true,
    prefetch: true,
    unlock: true,
    quiet: options.json,
  });
  const changes = await runUpdate("up", stack, { quiet: options.json ?? false });
  const outputs = await stack.outputs();
  const rows = await liveRows(outputs, stack.operations);
  if (options.json) {
    console.log(
      JSON.stringify({ stack: options.stack, changes, ok: !isDegraded(rows), parts: rows }, null, 2),
    );
  } else {
    console.log("");
    console.log(statusTable(rows));
    console.log("");
    console.log(
      `Open ${outputs.url} for the entry app. Sign-ins: npm run fleet -- credentials --stack ${options.stack}`,
    );
  }
  process.exitCode = isDegraded(rows) ? ExitCode.failed : ExitCode.ok;
}
