import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { InstantProject } from "../../test/plugins/support/instant-project";
import { copyTenant, platformValues, tenantName, tenantValues } from "../instant/tenants";
import { mebibytes, median, ratio, repeat, seconds } from "../support/measure";
import { MemoryWatch } from "../support/processes";
import type { Report, Table } from "../support/report";
import { withRemoval } from "../support/scope";

const FEW = 30;
const MANY = 300;
const LINEAR_LIMIT = 1.5;
/** Stacks at a time, and how many of them there are to do. */
const PARALLEL = [1, 2, 4];
const PARALLEL_STACKS = 12;
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
    // The first ones: nothing is read from disk for the first time in what is measured.
    await preview(project, ["--stack", tenantName(0), "--json"], 1);
    const single = median(
      (await repeat(ROUNDS, () => preview(project, ["--stack", tenantName(0), "--json"], 1))).map(
        (each) => each.seconds,
      ),
    );
    tenants(project, 1, FEW);
    const few = await preview(project, ["--all", "--json"], FEW + 1);
    const side: [number, Measured][] = [];
    for (const parallel of PARALLEL) {
      const names = Array.from({ length: PARALLEL_STACKS }, (_, index) => tenantName(index)).join(",");
      const args = ["--stacks", names, "--parallel", String(parallel), "--json"];
      side.push([parallel, await preview(project, args, PARALLEL_STACKS)]);
    }
    tenants(project, FEW, MANY);
    commit(project);
    project.write(tenantName(7), { ...tenantValues, deletion: "backup" });
    const changed = median(
      (await repeat(ROUNDS, () => preview(project, ["--changed", "main", "--json"], 1))).map(
        (each) => each.seconds,
      ),
    );
    project.write(tenantName(7), tenantValues);
    const many = await preview(project, ["--all", "--json"], MANY + 1);
    const growth = many.seconds / MANY / (few.seconds / FEW);
    return {
      title: "Previews of many tenants",
      tables: [sizes(single, changed, few, many), sideBySide(side)],
      checks: [
        {
          what: `linear: per tenant at ${MANY} against ${FEW}`,
          target: `≤ ×${LINEAR_LIMIT}`,
          measured: ratio(growth, 1),
          met: growth <= LINEAR_LIMIT,
        },
        {
          what: `\`--changed\` with one edited of ${MANY}, against a preview of one`,
          target: `≤ ×${CHANGED_LIMIT}`,
          measured: ratio(changed, single),
          met: changed <= CHANGED_LIMIT * single,
        },
      ],
      notes: ["Memory is that of all processes at one time, shared pages divided among their users."],
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
  console.error(`  preview ${args.join(" ")}`);
  const begin = performance.now();
  let watch: MemoryWatch | undefined;
  const run = await project.fleet(["preview", ...args], {}, (pid) => (watch = new MemoryWatch(pid)));
  const peakBytes = watch?.stop() ?? 0;
  const took = (performance.now() - begin) / 1000;
  if (run.code !== 0)
    throw new Error(`preview ended with ${run.code}: ${run.stdout.slice(-2000)}${run.stderr}`);
  const done = (JSON.parse(run.stdout) as { stacks: unknown[] }).stacks.length;
  if (done !== stacks) throw new Error(`${done} stacks were previewed, not ${stacks}`);
  return { seconds: took, peakBytes };
}

function sizes(single: number, changed: number, few: Measured, many: Measured): Table {
  const all = (count: number, { seconds: took, peakBytes }: Measured) => [
    `\`--all\`: ${count} tenants and their platform`,
    seconds(took),
    seconds(took / count),
    mebibytes(peakBytes),
  ];
  return {
    columns: ["`fleet preview`", "time", "per tenant", "peak memory"],
    rows: [
      ["one tenant, median", seconds(single), seconds(single), "–"],
      [`\`--changed\`: one edited of ${MANY}, median`, seconds(changed), seconds(changed), "–"],
      all(FEW, few),
      all(MANY, many),
    ],
  };
}

function sideBySide(side: readonly (readonly [number, Measured])[]): Table {
  const one = side[0]![1];
  return {
    columns: [`${PARALLEL_STACKS} tenants, at a time`, "time", "peak memory", "against one at a time"],
    rows: side.map(([parallel, measured]) => [
      String(parallel),
      seconds(measured.seconds),
      mebibytes(measured.peakBytes),
      ratio(measured.peakBytes, one.peakBytes),
    ]),
  };
}
