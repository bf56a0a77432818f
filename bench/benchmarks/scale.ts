import { ensureToolchain } from "../../toolchain/ensure";
import type { App } from "../../test/e2e/support/app";
import type { ReplicatedApp } from "../../test/plugins/support/replicas";
import { freePort } from "../../test/support/ports";
import { RealFleet } from "../real/fleet";
import { direct, SingleProcesses } from "../real/single-processes";
import { load, type Load, type Target } from "../support/load";
import { digits, median, ratio, repeat, seconds } from "../support/measure";
import type { Check, Report, Table } from "../support/report";
import { withRemoval } from "../support/scope";

const APP = "erp";
const UNIT = "app-erp";
const REPLICAS = [1, 2, 3];
const CONNECTIONS = 16;
const LOAD_SECONDS = 5;
const ROUNDS = 3;
/** A process fills its caches with its first requests. */
const WARM_SECONDS = 2;
const CHANGES = 10;
const VISIBLE_LIMIT_SECONDS = 2;
const COLLECTION = "benchEntries";
const READ_PATH = "/api/users:list?pageSize=20";
const WRITE_PATH = `/api/${COLLECTION}:create`;
const ENTRY = { title: "an entry" };

interface Measured {
  reads: Load[];
  writes: Load[];
}

/** One dedicated app on 1, 2 and 3 replicas, and what the cluster plugin costs a single one. */
export async function scale(): Promise<Report> {
  await ensureToolchain();
  const adapters = await adapterCost();
  return withRemoval(new RealFleet(await freePort()), async (fleet) => {
    await fleet.up();
    const app = await fleet.open(APP);
    await app.call("collections:create", collection(COLLECTION));
    const byReplicas = new Map<number, Measured>();
    const scaling: string[][] = [];
    for (const replicas of REPLICAS) {
      const run = await fleet.scale(APP, replicas);
      scaling.push([`${replicas}`, seconds(run.seconds), String(run.created + run.updated)]);
      byReplicas.set(replicas, await requests(fleet, app));
    }
    const latencies = await changeLatencies(fleet);
    const back = await fleet.scale(APP, 1);
    scaling.push(["1 again", seconds(back.seconds), String(back.created + back.updated)]);
    return {
      title: "One app on several replicas",
      tables: [
        requestTable(byReplicas),
        { columns: ["scaled to", "`up`", "resources changed"], rows: scaling },
        adapters,
      ],
      checks: [visibleCheck(latencies)],
      notes: [
        `${CONNECTIONS} requests at a time through the gateway, signed in; median of ${ROUNDS} rounds of ${LOAD_SECONDS} s. ` +
          "The load generator, the gateway, PostgreSQL and all replicas share this machine's processors.",
        `A new collection made through one replica was served by both others after ${seconds(median(latencies))} in the median ` +
          `of ${latencies.length}.`,
      ],
    };
  });
}

function collection(name: string): unknown {
  return {
    name,
    fields: [
      { name: "id", type: "snowflakeId", primaryKey: true },
      { name: "title", type: "string" },
    ],
  };
}

async function requests(fleet: RealFleet, app: App): Promise<Measured> {
  const target = (path: string, body?: unknown): Target => ({
    port: fleet.port,
    path,
    host: new URL(app.url).host,
    headers: app.headers(),
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const read = target(READ_PATH);
  const write = target(WRITE_PATH, ENTRY);
  await load(read, CONNECTIONS, WARM_SECONDS);
  const rounds = await repeat(ROUNDS, async () => ({
    read: await load(read, CONNECTIONS, LOAD_SECONDS),
    write: await load(write, CONNECTIONS, LOAD_SECONDS),
  }));
  return { reads: rounds.map((round) => round.read), writes: rounds.map((round) => round.write) };
}

function requestTable(measured: ReadonlyMap<number, Measured>): Table {
  const one = measured.get(1)!;
  const rows = [...measured].flatMap(([replicas, each]) =>
    (["reads", "writes"] as const).map((kind) => [
      `${replicas}`,
      kind,
      `${digits(rate(each[kind]))}/s`,
      ratio(rate(each[kind]), rate(one[kind])),
      `${digits(median(each[kind].map(({ p95Ms }) => p95Ms)))} ms`,
    ]),
  );
  return { columns: ["replicas", "", "requests", "against one", "p95"], rows };
}

function rate(loads: readonly Load[]): number {
  return median(loads.map(({ requestsPerSecond }) => requestsPerSecond));
}

/** Seconds until all other replicas serve a collection that one of them made, each way round. */
async function changeLatencies(fleet: RealFleet): Promise<number[]> {
  const apps: App[] = [];
  for (const { port } of await fleet.replicas(UNIT))
    apps.push(await fleet.open(APP, `http://127.0.0.1:${port}`));
  return repeat(CHANGES, async (round) => {
    const name = `benchChange${round}`;
    const maker = apps[round % apps.length]!;
    await maker.call("collections:create", collection(name));
    const begin = performance.now();
    for (const other of apps.filter((app) => app !== maker)) {
      while ((await other.send(`/api/${name}:list`, { headers: other.headers() })).status !== 200);
    }
    return (performance.now() - begin) / 1000;
  });
}

/** The same requests straight to one process with the cluster plugin and to one without, taking turns. */
async function adapterCost(): Promise<Table> {
  return withRemoval(await SingleProcesses.start(), async ({ withPlugin, without }) => {
    const apps = [withPlugin, without];
    for (const app of apps) await app.replicas[0]!.post("collections:create", collection(COLLECTION));
    const targets: Record<string, (app: ReplicatedApp) => Target> = {
      reads: (app) => direct(app, READ_PATH),
      writes: (app) => direct(app, WRITE_PATH, ENTRY),
    };
    const rows: string[][] = [];
    for (const [what, target] of Object.entries(targets)) {
      for (const app of apps) await load(target(app), CONNECTIONS, WARM_SECONDS);
      const rounds = await repeat(ROUNDS, async () => ({
        with: await load(target(withPlugin), CONNECTIONS, LOAD_SECONDS),
        without: await load(target(without), CONNECTIONS, LOAD_SECONDS),
      }));
      const [cluster, plain] = [
        rate(rounds.map((each) => each.with)),
        rate(rounds.map((each) => each.without)),
      ];
      rows.push([what, `${digits(cluster)}/s`, `${digits(plain)}/s`, ratio(cluster, plain)]);
    }
    return { columns: ["one process", "with the cluster plugin", "without", "with : without"], rows };
  });
}

function visibleCheck(latencies: readonly number[]): Check {
  const slowest = Math.max(...latencies);
  return {
    what: "a change made through one replica is served by the others",
    target: `≤ ${VISIBLE_LIMIT_SECONDS} s`,
    measured: seconds(slowest),
    met: slowest <= VISIBLE_LIMIT_SECONDS,
  };
}
