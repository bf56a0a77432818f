/**
 * `npm run bench -- [NAME...] [--json] [--write]`: measures, prints, and with --write puts what was found into
 * docs/benchmarks.md.
 */
import { Command } from "commander";
import { cold } from "./benchmarks/cold";
import { docker } from "./benchmarks/docker";
import { kubernetes, kubernetesTenants } from "./benchmarks/kubernetes";
import { plan } from "./benchmarks/plan";
import { previews } from "./benchmarks/previews";
import { real } from "./benchmarks/real";
import { scale } from "./benchmarks/scale";
import { supervisor } from "./benchmarks/supervisor";
import { large, tenants, up } from "./benchmarks/up";
import { machine, writeSection } from "./support/document";
import { markdown, type Report } from "./support/report";
import { removeOnSignals } from "./support/scope";

interface Benchmark {
  summary: string;
  /** Left out where none is named. */
  heavy?: boolean;
  run(): Promise<Report>;
}

const benchmarks: Record<string, Benchmark> = {
  plan: { summary: "stack file to plan for 10 to 10,000 apps; half a minute", run: plan },
  up: { summary: "first and no-op `up` of 10 and 100 apps with instant plugins; 5 minutes", run: up },
  real: { summary: "a fleet with real NocoBase and PostgreSQL; 5 minutes", run: real },
  docker: {
    summary: "the dev fleet as containers: images, `up`, memory; 10 minutes where no image is built yet",
    heavy: true,
    run: docker,
  },
  kubernetes: {
    summary:
      "a fleet's objects on a test cluster against a plain client; 5 minutes, and twice that to compile it once",
    heavy: true,
    run: kubernetes,
  },
  "kubernetes-tenants": {
    summary: "500 tenants on a test cluster, a stack for each; half an hour",
    heavy: true,
    run: kubernetesTenants,
  },
  scale: { summary: "one app on 1, 2 and 3 replicas; 5 minutes", run: scale },
  supervisor: { summary: "the entry app as control plane, on real NocoBase; 4 minutes", run: supervisor },
  large: {
    summary: "`up` of 200 and 1,000 apps with instant plugins; half an hour",
    heavy: true,
    run: large,
  },
  tenants: {
    summary: "1,000 apps as 100 stacks of ten with instant plugins; 10 minutes",
    heavy: true,
    run: tenants,
  },
  previews: {
    summary: "`preview --all` of 30 and 300 tenants with instant plugins; half an hour",
    heavy: true,
    run: previews,
  },
  cold: { summary: "empty caches to first fleet; 12 minutes", heavy: true, run: cold },
};

async function main(): Promise<void> {
  const program = new Command("bench")
    .description("Measures nocobase-fleet. Without names: all but the heavy ones.")
    .argument("[name...]", `of ${Object.keys(benchmarks).join(", ")}`)
    .option("--json", "print JSON instead of Markdown")
    .option("--write", "put the results into docs/benchmarks.md")
    .addHelpText("after", ["", "Benchmarks:", ...Object.entries(benchmarks).map(helpLine)].join("\n"))
    .parse();
  const options = program.opts<{ json?: boolean; write?: boolean }>();
  const names = program.args.length > 0 ? program.args : lightNames();
  const unknown = names.filter((name) => !Object.hasOwn(benchmarks, name));
  if (unknown.length > 0) {
    program.error(
      `no benchmark is called ${unknown.join(", ")}; there are ${Object.keys(benchmarks).join(", ")}`,
      {
        exitCode: 2,
      },
    );
  }

  removeOnSignals();
  const reports: Record<string, Report & { measuredOn: string }> = {};
  for (const name of names) {
    console.error(`${name}: ${benchmarks[name]!.summary}`);
    const report = { ...(await benchmarks[name]!.run()), measuredOn: machine() };
    reports[name] = report;
    if (options.write) await writeSection(name, report);
    if (!options.json) console.log(`\n## ${report.title}\n\n_${report.measuredOn}_\n\n${markdown(report)}\n`);
  }
  if (options.json) console.log(JSON.stringify(reports, null, 2));
  if (Object.values(reports).some(({ checks }) => checks.some(({ met }) => !met))) process.exitCode = 1;
}

function lightNames(): string[] {
  return Object.keys(benchmarks).filter((name) => !benchmarks[name]!.heavy);
}

function helpLine([name, { summary, heavy }]: [string, Benchmark]): string {
  return `  ${name.padEnd(6)} ${summary}${heavy ? " (by name only)" : ""}`;
}

void main().catch((error: unknown) => {
  console.error(error instanceof Error ? (error.stack ?? error.message) : error);
  process.exitCode = 1;
});
