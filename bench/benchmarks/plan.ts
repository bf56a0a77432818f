import { stringify } from "yaml";
import { readFleetSpec } from "../../config/read";
import { parseStackFile } from "../../config/stack-file";
import { planFleet } from "../../plan/fleet";
import { fleetValues, namespaced } from "../support/fleet-values";
import { median, ratio, repeat, seconds, timed } from "../support/measure";
import type { Report } from "../support/report";

const SIZES = [10, 100, 1000, 10_000];
const ROUNDS = 5;
const LIMIT_SECONDS = 2;
/** Per-app cost at the largest size, as a multiple of that at a tenth of it, up to which it counts as linear. */
const LINEAR = 1.5;

interface Measured {
  apps: number;
  /** Stack file's text → checked spec; as `fleet` reads it. */
  file: number;
  /** Pulumi's values → checked spec; as the program reads it. */
  values: number;
  plan: number;
}

/** Stack file → spec → plan, without Pulumi. */
export async function plan(): Promise<Report> {
  const measured: Measured[] = [];
  // Once for nothing: the compiler's warm-up is not the first size's cost.
  for (const apps of [1000, ...SIZES]) measured.push(await measure(apps));
  measured.shift();
  const whole = ({ file, plan: planned }: Measured) => file + planned;
  const perApp = (each: Measured) => whole(each) / each.apps;
  const [least, last, tenth] = [measured[0]!, measured.at(-1)!, measured.at(-2)!];
  const growth = perApp(last) / perApp(tenth);
  return {
    title: "Config and plan",
    tables: [
      {
        columns: [
          "apps",
          "stack file → spec",
          "Pulumi's values → spec",
          "spec → plan",
          "file → plan, per app",
          "against 10 apps",
        ],
        rows: measured.map((each) => [
          each.apps.toLocaleString("en"),
          seconds(each.file),
          seconds(each.values),
          seconds(each.plan),
          seconds(perApp(each)),
          ratio(perApp(each), perApp(least)),
        ]),
      },
    ],
    checks: [
      {
        what: `config + plan of ${last.apps.toLocaleString("en")} apps`,
        target: `≤ ${LIMIT_SECONDS} s`,
        measured: seconds(whole(last)),
        met: whole(last) <= LIMIT_SECONDS,
      },
      {
        what: `linear: per app at ${last.apps.toLocaleString("en")} against ${tenth.apps.toLocaleString("en")}`,
        target: `≤ ×${LINEAR}`,
        measured: ratio(perApp(last), perApp(tenth)),
        met: growth <= LINEAR,
      },
    ],
    notes: [
      `Medians of ${ROUNDS} rounds in one warm process. Checking includes a plan of its own: names and ports must not collide.`,
    ],
  };
}

async function measure(apps: number): Promise<Measured> {
  const values = fleetValues(apps);
  const text = stringify({ config: namespaced(values) });
  const rounds = await repeat(ROUNDS, async () => {
    const file = await timed(() => parseStackFile({ text, file: "Pulumi.bench.yaml", stack: "bench" }));
    const read = await timed(() => readFleetSpec({ stack: "bench", values }));
    const { spec, faults } = read.result;
    if (faults ?? file.result.faults)
      throw new Error(`the bench's own stack file is faulty: ${JSON.stringify(faults)}`);
    const planned = await timed(() => planFleet(spec));
    return { file: file.seconds, values: read.seconds, plan: planned.seconds };
  });
  return {
    apps,
    file: median(rounds.map((round) => round.file)),
    values: median(rounds.map((round) => round.values)),
    plan: median(rounds.map((round) => round.plan)),
  };
}
