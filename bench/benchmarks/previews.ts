import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { parallelism } from "../../cli/stacks/schedule";
import { InstantProject } from "../../test/plugins/support/instant-project";
import { copyTenant, platformValues, tenantName, tenantValues } from "../instant/tenants";
import { mebibytes, median, ratio, repeat, seconds } from "../support/measure";
import { MemoryWatch } from "../support/processes";
import type { Check, Report, Table } from "../support/report";
import { withRemoval } from "../support/scope";

/** Tenants of the runs that memory is measured in, at so many stacks at a time. */
const FEW = 30;
const PARALLEL = [1, 2, 4];
const MORE = [300];
/** A size that the rate so far puts beyond this, in seconds, is left out. */
const LONGEST = 2400;
const LINEAR_LIMIT = 1.5;
const MEMORY_LIMIT = 1.25;
const ROUNDS = 3;
const CHANGED_LIMIT = 2;

interface Measured {
  seconds: number;
  /** Of all processes together, bytes. */
  peakBytes: number;
}

/** `fleet preview` of tenants' stacks: one, many, those that a branch changes, and what it takes side by side. */
export async function previews(): Promise<Report> {
  return withRemoval(await InstantProject.create(), async (project) => {
    await bringUp(project);
    const one = ["--stack", tenantName(0), "--json"];
    // The first one: nothing is read from disk for the first time in what is measured.
    await preview(project, one, 1);
    const single = await medianSeconds(() => preview(project, one, 1));

    tenants(project, 1, FEW);
    const usual = parallelism();
    const side = new Map<number, Measured>();
    for (const parallel of new Set([...PARALLEL, usual])) {
      side.set(
        parallel,
        await preview(project, ["--all", "--parallel", String(parallel), "--json"], FEW + 1),
      );
    }
    const sizes: [number, Measured][] = [[FEW, side.get(usual)!]];
    for (const count of MORE) {
      if (perStack(sizes.at(-1)!) * (count + 1) > LONGEST) break;
      tenants(project, sizes.at(-1)![0], count);
      const args = ["--all", "--parallel", String(usual), "--json"];
      sizes.push([count, await preview(project, args, count + 1)]);
    }

    commit(project);
    project.write(tenantName(7), { ...tenantValues, deletion: "backup" });
    const changed = await medianSeconds(() => preview(project, ["--changed", "main", "--json"], 1));
    const most = sizes.at(-1)![0];
    const growth = perStack(sizes.at(-1)!) / perStack(sizes[0]!);
    const bytes = (parallel: number) => side.get(parallel)!.peakBytes;
    const [few, many] = [sizes[0]![1].peakBytes, sizes.at(-1)![1].peakBytes];
    return {
      title: "Previews of many tenants",
      tables: [sizeTable(single, changed, sizes, usual), sideTable(side)],
      checks: [
        check(`linear: time per stack, ${most} tenants against ${FEW}`, growth, LINEAR_LIMIT),
        check(
          `\`--changed\` with one edited of ${most}, against a preview of one`,
          changed / single,
          CHANGED_LIMIT,
        ),
        check(
          `memory: bounded by how many run at a time, ${most} tenants against ${FEW}`,
          many / few,
          MEMORY_LIMIT,
        ),
        ...PARALLEL.slice(1).map((parallel) =>
          check(`memory: ${parallel} at a time against one`, bytes(parallel) / bytes(1), parallel),
        ),
      ],
      notes: [
        "Memory is that of all processes at one time, shared pages divided among their users.",
        `A row with --all has the platform's stack, too. Medians are of ${ROUNDS} rounds, policies run in all.`,
        ...(most === MORE.at(-1)
          ? []
          : [`More tenants than ${most} would have taken over ${LONGEST / 60} minutes here.`]),
      ],
    };
  });
}

async function bringUp(project: InstantProject): Promise<void> {
  project.write("platform", platformValues);
  project.write(tenantName(0), tenantValues);
  const up = await project.fleet(["up", "--all", "--json"]);
  if (up.code !== 0) throw new Error(`up ended with ${up.code}: ${up.stdout.slice(-2000)}${up.stderr}`);
}

function tenants(project: InstantProject, from: number, to: number): void {
  for (let index = from; index < to; index++) copyTenant(project.folder, tenantName(0), tenantName(index));
}

function commit(project: InstantProject): void {
  fs.writeFileSync(path.join(project.folder, ".gitignore"), ".pulumi-state/\n.fleet/\nproviders/\n");
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=b", "-c", "user.email=b@example.com", ...args], {
      cwd: project.folder,
      stdio: "ignore",
    });
  git("init", "--quiet", "--initial-branch", "main");
  git("add", ".");
  git("commit", "--quiet", "--message", "tenants");
}

/** @throws Error where it failed, or previewed another number of stacks */
async function preview(project: InstantProject, args: readonly string[], stacks: number): Promise<Measured> {
  const begin = performance.now();
  let watch: MemoryWatch | undefined;
  const run = await project.fleet(["preview", ...args], {}, (pid) => (watch = new MemoryWatch(pid)));
  const peakBytes = watch?.stop() ?? 0;
  const took = (performance.now() - begin) / 1000;
  if (run.code !== 0)
    throw new Error(`preview ended with ${run.code}: ${run.stdout.slice(-2000)}${run.stderr}`);
  const done = (JSON.parse(run.stdout) as { stacks: unknown[] }).stacks.length;
  if (done !== stacks) throw new Error(`${done} stacks were previewed, not ${stacks}`);
  console.error(`  preview ${args.join(" ")}: ${stacks} in ${seconds(took)}, ${mebibytes(peakBytes)}`);
  return { seconds: took, peakBytes };
}

async function medianSeconds(work: () => Promise<Measured>): Promise<number> {
  return median((await repeat(ROUNDS, work)).map((each) => each.seconds));
}

/** Seconds; the platform's stack is one of them. */
function perStack([tenantCount, { seconds: took }]: [number, Measured]): number {
  return took / (tenantCount + 1);
}

function check(what: string, times: number, limit: number): Check {
  return { what, target: `≤ ${ratio(limit, 1)}`, measured: ratio(times, 1), met: times <= limit };
}

function sizeTable(
  single: number,
  changed: number,
  sizes: readonly [number, Measured][],
  parallel: number,
): Table {
  const row = (what: string, took: number, each: number, memory: string) => [
    what,
    seconds(took),
    seconds(each),
    ratio(each, single),
    memory,
  ];
  return {
    columns: ["`fleet preview`", "time", "per stack", "against one", "peak memory"],
    rows: [
      row("one tenant, median", single, single, "–"),
      row(`\`--changed\`: one edited of ${sizes.at(-1)![0]}, median`, changed, changed, "–"),
      ...sizes.map((size) =>
        row(
          `\`--all\`: ${size[0]} tenants, ${parallel} at a time`,
          size[1].seconds,
          perStack(size),
          mebibytes(size[1].peakBytes),
        ),
      ),
    ],
  };
}

function sideTable(side: ReadonlyMap<number, Measured>): Table {
  const one = side.get(1)!;
  return {
    columns: [`\`--all\`: ${FEW} tenants, at a time`, "time", "against one", "peak memory", "against one"],
    rows: [...side].map(([parallel, { seconds: took, peakBytes }]) => [
      String(parallel),
      seconds(took),
      ratio(took, one.seconds),
      mebibytes(peakBytes),
      ratio(peakBytes, one.peakBytes),
    ]),
  };
}
