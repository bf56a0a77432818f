import { setTimeout as sleep } from "node:timers/promises";
import type { Replica, ReplicatedApp } from "../../test/plugins/support/replicas";
import type { SupervisedFleet } from "../../test/plugins/support/supervised-fleet";
import { Supervised } from "../real/supervised";
import { load, type Load, type Target } from "../support/load";
import { digits, median, percentile, ratio, repeat, seconds } from "../support/measure";
import { processorSeconds } from "../support/processes";
import type { Report, Table } from "../support/report";
import { withRemoval } from "../support/scope";

const COMMANDS = 10;
const CHANGES = 10;
const CONNECTIONS = 16;
const WARM_SECONDS = 2;
const LOAD_SECONDS = 5;
const ROUNDS = 3;
const REST_SECONDS = 30;
const VISIBLE_LIMIT_SECONDS = 2;
const POLL_MS = 10;
const PATH = "/api/app:getLang";

/** What the control plane takes: commands, states, rest, and requests by way of the entry app. */
export async function supervisor(): Promise<Report> {
  return withRemoval(await Supervised.start(), async ({ postgres, fleet, alone }) => {
    const rest = await atRest(fleet, alone, (text) => postgres.sql(text));
    await alone.stop();
    const commands = await commandLatencies(fleet);
    const states = await stateLatencies(fleet);
    const overhead = await proxyOverhead(fleet);
    return {
      title: "The control plane",
      tables: [
        {
          columns: ["", "median", "p95"],
          rows: [
            ["a command until the environment begins with it", ...both(commands.map(({ begun }) => begun))],
            ["`stop` of a shared app until no request reaches it", ...both(commands.map(({ stop }) => stop))],
            ["`start` of a shared app until it answers", ...both(commands.map(({ start }) => start))],
            ["a state until the entry app shows it", ...both(states)],
          ],
        },
        overhead,
        rest,
      ],
      checks: [
        {
          what: "a change of a state is seen in the entry app",
          measured: seconds(percentile(states, 95)),
          target: `≤ ${VISIBLE_LIMIT_SECONDS} s`,
          met: percentile(states, 95) <= VISIBLE_LIMIT_SECONDS,
        },
      ],
      notes: [
        `${COMMANDS} commands and ${CHANGES} changes one after the other. ${CONNECTIONS} requests at a time to an app's ` +
          `\`app:getLang\`, the cheapest there is; median of ${ROUNDS} rounds of ${LOAD_SECONDS} s, taking turns. All processes share this machine's processors.`,
        `At rest: ${REST_SECONDS} s without any request.`,
      ],
    };
  });
}

function both(values: readonly number[]): [string, string] {
  return [seconds(median(values)), seconds(percentile(values, 95))];
}

interface CommandTimes {
  begun: number;
  stop: number;
  start: number;
}

async function commandLatencies(fleet: SupervisedFleet): Promise<CommandTimes[]> {
  const answers = async (status: number): Promise<void> => {
    while ((await fleet.visit("blue", "crm")).status !== status);
  };
  const begun = (record: Record<string, unknown>): number =>
    (Date.parse(String(record.begunAt)) - Date.parse(String(record.requestedAt))) / 1000;
  return repeat(COMMANDS, async () => {
    const stopping = performance.now();
    const stop = await fleet.command("stop", "crm");
    await answers(503);
    const stopped = performance.now();
    const record = await fleet.outcome(stop);
    const starting = performance.now();
    const start = await fleet.command("start", "crm");
    await answers(200);
    const started = performance.now();
    await fleet.outcome(start);
    return { begun: begun(record), stop: (stopped - stopping) / 1000, start: (started - starting) / 1000 };
  });
}

/** Seconds from the moment that NocoBase in the environment says that an app runs, or is stopped, until the entry app does. */
async function stateLatencies(fleet: SupervisedFleet): Promise<number[]> {
  const blue = fleet.environment("blue");
  const said = async (status: string): Promise<number> => {
    const hosted = () => blue.get<{ name: string; status: string }[]>("applications:list");
    while (!(await hosted()).some((app) => app.name === "shop" && app.status === status))
      await sleep(POLL_MS);
    return performance.now();
  };
  const shown = async (state: string): Promise<number> => {
    while ((await fleet.app("shop"))?.state !== state) await sleep(POLL_MS);
    return performance.now();
  };
  return repeat(CHANGES, async (round) => {
    const [action, state] = round % 2 === 0 ? ["stop", "stopped"] : ["start", "running"];
    // NocoBase answers before the app is stopped or started.
    await blue.post(`applications:${action}`, undefined, { filterByTk: "shop" });
    const [there, here] = await Promise.all([said(state), shown(state)]);
    return Math.max(0, here - there) / 1000;
  });
}

async function proxyOverhead(fleet: SupervisedFleet): Promise<Table> {
  const to = (replica: Replica, app?: string): Target => ({
    port: replica.port,
    path: PATH,
    host: "127.0.0.1",
    headers: app === undefined ? {} : { "x-app": app },
  });
  const ways: [string, Target, Target][] = [
    ["a shared app", to(fleet.environment("blue"), "crm"), to(fleet.control, "crm")],
    ["a dedicated app, two replicas", to(fleet.dedicated.erp!.replicas[0]!), to(fleet.control, "erp")],
  ];
  const rows: string[][] = [];
  for (const [what, direct, byEntry] of ways) {
    for (const target of [direct, byEntry]) await load(target, CONNECTIONS, WARM_SECONDS);
    const rounds = await repeat(ROUNDS, async () => ({
      direct: await load(direct, CONNECTIONS, LOAD_SECONDS),
      byEntry: await load(byEntry, CONNECTIONS, LOAD_SECONDS),
    }));
    const [straight, passed] = [rounds.map((each) => each.direct), rounds.map((each) => each.byEntry)];
    rows.push([
      what,
      `${digits(rate(straight))}/s`,
      p95(straight),
      `${digits(rate(passed))}/s`,
      p95(passed),
      ratio(rate(passed), rate(straight)),
    ]);
  }
  return { columns: ["", "direct", "p95", "by the entry app", "p95", "entry : direct"], rows };
}

function rate(loads: readonly Load[]): number {
  return median(loads.map(({ requestsPerSecond }) => requestsPerSecond));
}

function p95(loads: readonly Load[]): string {
  return `${digits(median(loads.map(({ p95Ms }) => p95Ms)))} ms`;
}

async function atRest(
  fleet: SupervisedFleet,
  alone: ReplicatedApp,
  sql: (text: string) => Promise<Record<string, unknown>[]>,
): Promise<Table> {
  const processes: [string, Replica][] = [
    ["an app outside any fleet", alone.replicas[0]!],
    ["the entry app", fleet.control],
    ["an environment with two apps", fleet.environment("blue")],
    ["a replica of a dedicated app", fleet.dedicated.erp!.replicas[0]!],
  ];
  const commits = async (): Promise<number> => {
    const [row] = await sql("SELECT xact_commit FROM pg_stat_database WHERE datname = 'fleet_registry_db'");
    return Number(row?.xact_commit);
  };
  const [before, used] = [await commits(), processes.map(([, { pid }]) => processorSeconds(pid))];
  await sleep(REST_SECONDS * 1000);
  const share = processes.map(([, { pid }], index) => processorSeconds(pid) - used[index]!);
  const perSecond = ((await commits()) - before) / REST_SECONDS;
  const [peer] = share;
  return {
    columns: ["at rest", "processor time, all of NocoBase", "against the first"],
    rows: [
      ...processes.map(([what], index) => [
        what,
        `${digits((share[index]! / REST_SECONDS) * 100)} %`,
        ratio(share[index]!, peer!),
      ]),
      ["the registry, four processes", `${digits(perSecond)} transactions/s`, "–"],
    ],
  };
}
