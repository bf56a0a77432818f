import { InstantFleet, type MeasuredUp } from "../instant/fleet";
import { APPS_PER_ENVIRONMENT, fleetValues } from "../support/fleet-values";
import { digits, mebibytes, median, ratio, repeat, seconds } from "../support/measure";
import type { Report, Table } from "../support/report";
import { withRemoval } from "../support/scope";

const ROUNDS = 3;
/** Stacks of which the no-op is measured too. */
const NO_OP_STACKS = 3;

interface Sized {
  apps: number;
  first: MeasuredUp;
  /** Absent where the first `up` didn't come to its end. */
  again?: MeasuredUp;
}

/** First and no-op `up` of the real program on the real engine, with plugins that answer at once. */
export function up(): Promise<Report> {
  return measureSizes("`up` with instant plugins", [10, 100], 10, {});
}

/** The same for large fleets; takes long, since the file backend writes the whole state at each step. */
export function large(): Promise<Report> {
  return measureSizes("`up` with instant plugins, large", [10, 200, 1000], 20, { limitSeconds: 15 * 60 });
}

const MANY_TENANTS = 100;

/** 1,000 apps as tenants' stacks of ten, one after the other. */
export async function tenants(): Promise<Report> {
  return withRemoval(await InstantFleet.create(), async (fleet) => {
    const split = await tenantStacks(fleet, MANY_TENANTS);
    return {
      title: "`up` of 1,000 apps as stacks of ten",
      tables: [splitTable([], split, MANY_TENANTS)],
      checks: [],
      notes: ["As one stack they came to no end: see above."],
    };
  });
}

async function measureSizes(
  title: string,
  sizes: readonly number[],
  tenants: number,
  limits: { limitSeconds?: number },
): Promise<Report> {
  return withRemoval(await InstantFleet.create(), async (fleet) => {
    const floor = await noOp(() => fleet.up("empty", { program: "empty" }), ROUNDS + 1);
    const sized: Sized[] = [];
    for (const apps of sizes) {
      const stack = `one-${apps}`;
      fleet.write(stack, fleetValues(apps));
      const first = await fleet.up(stack, limits);
      const again = first.timedOut ? undefined : await noOp(() => fleet.up(stack), apps >= 100 ? 1 : ROUNDS);
      sized.push({ apps, first, again });
    }
    const split = await tenantStacks(fleet, tenants);
    return {
      title,
      tables: [oneStackTable(sized), splitTable(sized, split, tenants)],
      checks: [],
      notes: [
        `An \`up\` of a program without resources on the same engine, the floor: ${seconds(floor.seconds)}, ` +
          `${seconds(floor.cpuSeconds)} of processor time. No-op of ${sized[0]!.apps} apps: ` +
          `${ratio(sized[0]!.again?.cpuSeconds ?? NaN, floor.cpuSeconds)} the floor's processor time.`,
        ...sized.filter(({ first }) => first.timedOut).map(giveUpNote),
      ],
    };
  });
}

/** The round of the median processor time. */
async function noOp(run: () => Promise<MeasuredUp>, rounds: number): Promise<MeasuredUp> {
  const all = await repeat(rounds, run);
  const middle = median(all.map(({ cpuSeconds }) => cpuSeconds));
  return all.reduce((best, each) =>
    Math.abs(each.cpuSeconds - middle) < Math.abs(best.cpuSeconds - middle) ? each : best,
  );
}

async function tenantStacks(fleet: InstantFleet, count: number): Promise<Sized[]> {
  return repeat(count, async (index) => {
    const stack = `tenant-${index}`;
    fleet.write(stack, fleetValues(APPS_PER_ENVIRONMENT));
    const first = await fleet.up(stack);
    const again = index < NO_OP_STACKS ? await fleet.up(stack) : undefined;
    return { apps: APPS_PER_ENVIRONMENT, first, again };
  });
}

function oneStackTable(sized: readonly Sized[]): Table {
  return {
    columns: [
      "apps in one stack",
      "resources",
      "first `up`",
      "processor time",
      "per resource",
      "no-op `up`",
      "processor time",
      "state",
      "written by first `up`",
      "engine's peak",
      "program's peak",
    ],
    rows: sized.map(({ apps, first, again }) => [
      apps.toLocaleString("en"),
      first.resources.toLocaleString("en"),
      first.timedOut ? `given up at ${seconds(first.seconds)}` : seconds(first.seconds),
      seconds(first.cpuSeconds),
      seconds(first.cpuSeconds / first.resources),
      again ? seconds(again.seconds) : "–",
      again ? seconds(again.cpuSeconds) : "–",
      mebibytes(first.stateBytes),
      mebibytes(first.writtenBytes),
      mebibytes(first.enginePeakBytes),
      mebibytes(first.programPeakBytes),
    ]),
  };
}

/** The same number of apps as one stack and as stacks of ten. */
function splitTable(sized: readonly Sized[], split: readonly Sized[], tenants: number): Table {
  const apps = tenants * APPS_PER_ENVIRONMENT;
  const one = sized.find((each) => each.apps === apps);
  const sum = (value: (each: Sized) => number) => split.reduce((total, each) => total + value(each), 0);
  const most = (value: (each: Sized) => number) => Math.max(...split.map(value));
  const row = (
    what: string,
    of: (each: Sized) => number,
    total: number,
    write: (value: number) => string,
  ) => [
    what,
    one === undefined || Number.isNaN(of(one)) ? "–" : write(of(one)),
    write(total),
    one === undefined || Number.isNaN(of(one)) ? "–" : ratio(of(one), total),
  ];
  const quarter = Math.max(1, Math.floor(split.length / 4));
  const cost = (part: readonly Sized[]) => median(part.map(({ first }) => first.cpuSeconds));
  return {
    columns: [
      `${apps.toLocaleString("en")} apps`,
      "as one stack",
      `as ${tenants} stacks of ten`,
      "one : many",
    ],
    rows: [
      row(
        "first `up`, processor time",
        ({ first }) => first.cpuSeconds,
        sum(({ first }) => first.cpuSeconds),
        seconds,
      ),
      row(
        "first `up`, one after the other",
        ({ first }) => first.seconds,
        sum(({ first }) => first.seconds),
        seconds,
      ),
      row(
        "written by first `up`",
        ({ first }) => first.writtenBytes,
        sum(({ first }) => first.writtenBytes),
        mebibytes,
      ),
      row(
        "no-op `up` of what one edit touches",
        ({ again }) => again?.seconds ?? NaN,
        median(split.flatMap(({ again }) => again?.seconds ?? [])),
        seconds,
      ),
      row(
        "engine's peak memory",
        ({ first }) => first.enginePeakBytes,
        most(({ first }) => first.enginePeakBytes),
        mebibytes,
      ),
      [
        "first `up`: last stacks against first",
        "–",
        `×${digits(cost(split.slice(-quarter)) / cost(split.slice(0, quarter)))}`,
        "–",
      ],
    ],
  };
}

function giveUpNote({ apps, first }: Sized): string {
  return (
    `The first \`up\` of ${apps.toLocaleString("en")} apps in one stack was given up after ${seconds(first.seconds)} ` +
    `with ${first.resources.toLocaleString("en")} resources in the state and ${mebibytes(first.writtenBytes)} written.`
  );
}
