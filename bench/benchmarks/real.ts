import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../test/support/ports";
import { ensureToolchain } from "../../toolchain/ensure";
import { InstantFleet } from "../instant/fleet";
import { RealFleet, type UpRun } from "../real/fleet";
import { load, type Load } from "../support/load";
import { digits, mebibytes, median, ratio, repeat, seconds, timed } from "../support/measure";
import { proportionalBytes } from "../support/processes";
import type { Check, Report, Table } from "../support/report";
import { withRemoval } from "../support/scope";

const NO_OP_ROUNDS = 5;
const NO_OP_LIMIT_SECONDS = 8;
const ADDED_APPS = ["hr", "legal", "sales", "stock"];
const NEW_APP_LIMIT_SECONDS = 15;
const RESOURCES_LIMIT = 8;
/** After a start: Node gives back what only the start needed when it is idle, sooner or later. */
const SETTLE_SECONDS = 90;
const SAMPLE_SECONDS = 5;
const CONNECTIONS = 16;
const LOAD_SECONDS = 3;

/** The dev stack on real parts: an edit's way to HTTP 200, a no-op, memory, and what the gateway costs. */
export async function real(): Promise<Report> {
  const toolchain = await ensureToolchain();
  return withRemoval(new RealFleet(await freePort()), async (fleet) => {
    const first = await fleet.up();
    const noOp = await noOps(fleet);
    const gateway = await gatewayOverhead(fleet);

    fleet.edit(({ environments }) => (environments.green = { title: "Green" }));
    await fleet.up();
    const before = await settledMemory(fleet, {
      entry: [],
      green: [],
      blue: ["crm", "support"],
      erp: ["erp"],
    });
    const added = await repeat(ADDED_APPS.length, (index) => addSharedApp(fleet, ADDED_APPS[index]!));
    const after = await settledMemory(fleet, { blue: ["crm", "support", ...ADDED_APPS] });
    const down = await timed(() => fleet.fleet("destroy", "--yes"));

    const steps: Table = {
      columns: ["step", "time", ""],
      rows: [
        [
          "first `up`, engine and NocoBase cached",
          seconds(first.seconds),
          `${first.created} resources; entry app, environment with 2 apps, dedicated app`,
        ],
        [
          "`up` without a change, median",
          seconds(noOp.seconds),
          `${ratio(noOp.seconds, noOp.floor)} an \`up\` of an empty program`,
        ],
        [
          "a new shared app, edit to HTTP 200, median",
          seconds(median(added.map((each) => each.answering))),
          rangeOf(added),
        ],
        [
          "the same, until `up` has ended, median",
          seconds(median(added.map((each) => each.run.seconds))),
          breakdown(added),
        ],
        ["`destroy`, without backups", seconds(down.seconds), ""],
      ],
    };
    return {
      title: "A real fleet",
      tables: [steps, memoryTable([...before, ...after]), gateway],
      checks: checks(noOp.seconds, added),
      notes: [
        `Engine: ${toolchain.engine.source}; plugins: ${toolchain.plugins.map(({ name, source }) => `${name} ${source}`).join(", ")}.`,
        `State of one shared app: ${digits(median(added.map((each) => each.stateBytes)) / 1024)} KiB in ${added[0]!.run.created} resources.`,
        `Memory is that of the ${SETTLE_SECONDS} s after a restart with everything installed and nobody at work: shared pages divided ` +
          "among their users, least and most in that time, since Node gives back when it likes. Per app: of the least.",
      ],
    };
  });
}

/** Medians of an `up` that changes nothing and, round by round, of one of an empty program. */
async function noOps(fleet: RealFleet): Promise<{ seconds: number; floor: number }> {
  return withRemoval(await InstantFleet.create(), async (instant) => {
    await instant.up("empty", { program: "empty" });
    const rounds = await repeat(NO_OP_ROUNDS, async () => {
      const run = await fleet.up();
      if (run.created + run.updated > 0)
        throw new Error(`an \`up\` without an edit changed something:\n${run.output}`);
      return { seconds: run.seconds, floor: (await instant.up("empty", { program: "empty" })).seconds };
    });
    return {
      seconds: median(rounds.map((round) => round.seconds)),
      floor: median(rounds.map((round) => round.floor)),
    };
  });
}

interface Added {
  /** From the edit to HTTP 200 through the gateway, seconds. */
  answering: number;
  run: UpRun;
  stateBytes: number;
}

async function addSharedApp(fleet: RealFleet, key: string): Promise<Added> {
  const before = fleet.stateBytes();
  fleet.edit(({ apps }) => (apps[key] = { title: key.toUpperCase(), environment: "blue" }));
  const [run, answering] = await Promise.all([fleet.up(), fleet.untilAnswering(key)]);
  return { answering, run, stateBytes: fleet.stateBytes() - before };
}

function rangeOf(added: readonly Added[]): string {
  const all = added.map((each) => each.answering);
  return `${added.length} apps one after the other: ${seconds(Math.min(...all))} to ${seconds(Math.max(...all))}`;
}

/** The longest steps of the last app, as `up` printed them. */
function breakdown(added: readonly Added[]): string {
  const lines = [
    ...added.at(-1)!.run.stdout.matchAll(/^ {2}(?:created|updated) +(\S+) \(\w+\) ([\d.]+) s$/gm),
  ];
  return lines
    .map(([, name, time]) => ({ name: name ?? "", seconds: Number(time) }))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, 2)
    .map((step) => `${step.name} ${seconds(step.seconds)}`)
    .join(", ");
}

function checks(noOp: number, added: readonly Added[]): Check[] {
  const answering = median(added.map((each) => each.answering));
  const created = Math.max(...added.map((each) => each.run.created));
  return [
    {
      what: "a second `up` of the dev fleet",
      target: `≤ ${NO_OP_LIMIT_SECONDS} s`,
      measured: seconds(noOp),
      met: noOp <= NO_OP_LIMIT_SECONDS,
    },
    {
      what: "a further shared app, `up` to HTTP 200",
      target: `≤ ${NEW_APP_LIMIT_SECONDS} s`,
      measured: seconds(answering),
      met: answering <= NEW_APP_LIMIT_SECONDS,
    },
    {
      what: "resources of a shared app",
      target: `≤ ${RESOURCES_LIMIT}`,
      measured: String(created),
      met: created <= RESOURCES_LIMIT,
    },
  ];
}

interface HostMemory {
  name: string;
  /** Proportional set, bytes: once Node had collected, and at most. */
  least: number;
  most: number;
  /** Shared apps that it hosts. */
  apps: number;
  dedicated: boolean;
}

const DEDICATED = "erp";

/** Restarts instances, waits for what they serve, and looks at the memory of each while they idle. */
async function settledMemory(fleet: RealFleet, served: Record<string, string[]>): Promise<HostMemory[]> {
  const names = Object.keys(served);
  await fleet.fleet("stop", ...names);
  await fleet.fleet("start", ...names);
  for (const key of Object.values(served).flat()) await fleet.untilAnswering(key);
  const pids = await Promise.all(names.map(async (name) => (await fleet.instance(unitOf(name))).pid));
  const rounds = await repeat(SETTLE_SECONDS / SAMPLE_SECONDS, async () => {
    await sleep(SAMPLE_SECONDS * 1000);
    return pids.map(proportionalBytes);
  });
  return names.map((name, index) => {
    const dedicated = name === DEDICATED;
    const sizes = rounds.map((bytes) => bytes[index]!);
    return {
      name,
      apps: dedicated ? 0 : served[name]!.length,
      dedicated,
      least: Math.min(...sizes),
      most: Math.max(...sizes),
    };
  });
}

function unitOf(name: string): string {
  if (name === "entry") return name;
  return name === DEDICATED ? `app-${name}` : `env-${name}`;
}

function memoryTable(hosts: readonly HostMemory[]): Table {
  const bare = hosts.find(({ name }) => name === "green")!;
  const dedicated = hosts.find((host) => host.dedicated)!;
  return {
    columns: ["memory, proportional", "least", "most", "per shared app", "against a dedicated app"],
    rows: hosts.map((host) => {
      const perApp = (host.least - bare.least) / host.apps;
      return [
        host.dedicated ? `${host.name}, dedicated` : `${host.name}, ${host.apps} shared apps`,
        mebibytes(host.least),
        mebibytes(host.most),
        host.apps === 0 ? "–" : mebibytes(perApp),
        host.apps === 0 ? "–" : ratio(perApp, dedicated.least),
      ];
    }),
  };
}

/** The same requests straight to an instance and through the gateway, taking turns. */
async function gatewayOverhead(fleet: RealFleet): Promise<Table> {
  const { port } = await fleet.instance(unitOf(DEDICATED));
  const host = `${DEDICATED}.localhost:${fleet.port}`;
  const rows: string[][] = [];
  for (const path of ["/api/__health_check", "/"]) {
    for (const connections of [1, CONNECTIONS]) {
      const rounds = await repeat(3, async () => ({
        direct: await load({ port, path, host }, connections, LOAD_SECONDS),
        gateway: await load({ port: fleet.port, path, host }, connections, LOAD_SECONDS),
      }));
      const middle = (pick: (round: { direct: Load; gateway: Load }) => number) => median(rounds.map(pick));
      rows.push([
        `\`${path}\` (${rounds[0]!.direct.bytes.toLocaleString("en")} bytes), ${connections} at a time`,
        `${digits(middle(({ direct }) => direct.requestsPerSecond))}/s`,
        `${digits(middle(({ gateway }) => gateway.requestsPerSecond))}/s`,
        `×${digits(middle(({ direct, gateway }) => gateway.requestsPerSecond / direct.requestsPerSecond))}`,
        `${digits(middle(({ direct, gateway }) => gateway.latencyMs - direct.latencyMs))} ms`,
      ]);
    }
  }
  return {
    columns: ["requests", "direct", "through the gateway", "gateway : direct", "added latency, median"],
    rows,
  };
}
