import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode } from "../exit-codes";
import { openStack } from "../session";
import { refuseChange } from "../refusals";
import { isMany } from "../stacks/select";
import { many, type ManyOptions } from "./many";
import { runUpdate } from "../update";
import { backUpBeforeUpgrade } from "../upgrades";
import { liveRows } from "../status/live";
import { isDegraded, type ShownState, type StatusRow } from "../status/rows";
import { statusTable } from "./status";

/** What becomes another state by itself: a process that was started anew has yet to tell of its apps. */
const ON_THE_WAY: ReadonlySet<ShownState> = new Set(["starting", "pending", "unavailable"]);
/** How long apps may take to come up after their host was started anew, milliseconds. */
const SETTLE_LIMIT_MS = 120_000;

/** `fleet up` */
export async function up(options: ManyOptions & { stack: string }): Promise<void> {
  if (isMany(options)) return many("up", options);
  const stack = await openStack(options.stack, {
    create: true,
    prefetch: true,
    recover: true,
    quiet: options.json,
  });
  await refuseChange(stack, stack.plan);
  await backUpBeforeUpgrade(stack.plan, stack.resources, (line) => console.error(line));
  const changes = await runUpdate("up", stack, { quiet: options.json ?? false });
  const outputs = await stack.outputs();
  const rows = await settledRows(() => liveRows(outputs, stack.operations, stack.platform));
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

/** Rows once nothing is on its way up any more: a host that was started anew brings its apps up by itself. */
async function settledRows(look: () => Promise<StatusRow[]>): Promise<StatusRow[]> {
  const limit = Date.now() + SETTLE_LIMIT_MS;
  let rows = await look();
  while (rows.some(({ ok, state }) => !ok && ON_THE_WAY.has(state)) && Date.now() < limit) {
    await sleep(500);
    rows = await look();
  }
  return rows;
}
