import type { Props } from "../../providers/kit/types";
import { TestCluster } from "../../test/support/kubernetes";
import { addStorage } from "../../test/support/kubernetes-storage";
import { platformCapabilities } from "../../platforms/capabilities";
import { createStack, objectsOf, type ClusterStack } from "../kubernetes/fleet";
import { copied, runPlain } from "../kubernetes/plain";
import { mebibytes, median, ratio, seconds, timed } from "../support/measure";
import { ProcessWatch } from "../support/processes";
import type { Report, Table } from "../support/report";
import { withRemoval } from "../support/scope";

const SIZES = [10, 20];
const TENANTS = 8;
/** `up`s of tenants' stacks under way at once. */
const AT_ONCE = 2;
const EDIT_LIMIT_SECONDS = 10;
const LIMIT = 2;
/** As many tenants as a large operator has. */
const MANY = 500;
/** Tenants at the beginning and at the end whose times are compared. */
const SAMPLE = 50;
const PARALLEL = { PULUMI_PARALLEL: String(platformCapabilities.kubernetes.operationsAtOnce) };
const NO_CHECKPOINTS = { PULUMI_SKIP_CHECKPOINTS: "true" };
const APP = { isolation: "dedicated" };

interface Run {
  seconds: number;
  cpuSeconds: number;
}

/** What a fleet's objects cost through the engine, against a plain client that makes the same ones. */
export async function kubernetes(): Promise<Report> {
  const cluster = await TestCluster.start();
  return withRemoval({ remove: () => cluster.stop() }, async () => {
    await addStorage(cluster, 3 * SIZES.reduce((sum, size) => sum + size, 0) + 2 * TENANTS);
    const one = await oneStack(cluster);
    const many = await manyStacks(cluster, TENANTS);
    return {
      title: "Kubernetes",
      tables: [one, many.table],
      notes: [
        "A real API server with controllers and played nodes, whose pods are ready at once; fourteen objects for each app, without " +
          "databases. The plain client makes the same objects with 16 requests under way, then waits for the pods as `up` does.",
        "Processor time is that of everything but the cluster: program, engine and plugin.",
        "Without checkpoints (`PULUMI_SKIP_CHECKPOINTS=true`) the engine writes the state once, in the end: what is " +
          "left is the cost of engine, program and plugin. It is no setting for real fleets, since a run that is killed then forgets all it made.",
      ],
      checks: many.checks,
    };
  });
}

/** A large operator's fleet from nothing: a stack for each of 500 tenants, against a plain client. */
export async function kubernetesTenants(): Promise<Report> {
  const cluster = await TestCluster.start();
  return withRemoval({ remove: () => cluster.stop() }, async () => {
    await addStorage(cluster, 2 * MANY);
    const { table, checks } = await manyStacks(cluster, MANY);
    return {
      title: `${MANY} tenants on Kubernetes`,
      tables: [table],
      notes: [
        `Every tenant is a stack of one dedicated app, all in one cluster. First against last: the time of the first and of the last ${SAMPLE}.`,
      ],
      checks,
    };
  });
}

async function oneStack(cluster: TestCluster): Promise<Table> {
  const rows: string[][] = [];
  for (const size of SIZES) {
    const apps = Object.fromEntries(Array.from({ length: size }, (_, index) => [`a${index}`, APP]));
    const stack = await createStack(cluster, { stack: `one${size}`, apps }, PARALLEL);
    const first = await measured(() => stack.project.up());
    const objects = await objectsOf(stack);
    const stateBytes = (await stack.project.stateText()).length;
    const noOp = await measured(() => stack.project.up());
    await stack.project.dispose();
    const plain = await timed(() => runPlain(cluster, copied(objects, `plain${size}`), `plain${size}-`));
    const quick = await createStack(
      cluster,
      { stack: `quick${size}`, apps },
      { ...PARALLEL, ...NO_CHECKPOINTS },
    );
    const without = await measured(() => quick.project.up());
    await quick.project.dispose();
    rows.push([
      String(size),
      String(objects.length),
      seconds(plain.seconds),
      seconds(first.seconds),
      seconds(first.cpuSeconds),
      ratio(first.seconds, plain.seconds),
      seconds(without.seconds),
      seconds(without.cpuSeconds),
      ratio(without.seconds, plain.seconds),
      seconds(noOp.seconds),
      mebibytes(stateBytes),
    ]);
  }
  return {
    columns: [
      "apps in one stack",
      "objects",
      "plain client",
      "first `up`",
      "processor time",
      "`up` : plain",
      "without checkpoints",
      "processor time",
      "without : plain",
      "no-op `up`",
      "state",
    ],
    rows,
  };
}

interface Many {
  table: Table;
  checks: Report["checks"];
}

async function manyStacks(cluster: TestCluster, count: number): Promise<Many> {
  const stacks: ClusterStack[] = [];
  const times: number[] = [];
  const bringUp = async (index: number) => {
    const stack = await createStack(cluster, { stack: `t${index}`, apps: { crm: APP } }, PARALLEL);
    stacks.push(stack);
    times.push((await timed(() => stack.project.update())).seconds);
  };
  try {
    const numbers = Array.from({ length: count }, (_, index) => index);
    const all = await timed(() => inTurns(numbers, bringUp));
    const [first] = stacks;
    if (!first) throw new Error("there is no tenant");
    const own = await objectsOf(first);
    const objects = numbers.flatMap((index) => copied(own, `plain-${index}`));
    const plain = await timed(() => runPlain(cluster, objects, "plain-"));
    const edits: number[] = [];
    for (const memory of ["1200Mi", "1300Mi", "1400Mi"]) {
      const resources: Props = { memory };
      first.tenant = { ...first.tenant, apps: { crm: { ...APP, resources } } };
      edits.push((await timed(() => first.project.update())).seconds);
    }
    const edit = median(edits);
    const sample = Math.min(SAMPLE, Math.floor(count / 2));
    const row = [
      String(count),
      String(objects.length),
      seconds(plain.seconds),
      seconds(all.seconds),
      seconds(all.seconds / count),
      ratio(all.seconds, plain.seconds),
      ratio(sum(times.slice(-sample)), sum(times.slice(0, sample))),
      seconds(edit),
    ];
    const columns = [
      "stacks of one app",
      "objects",
      "plain client",
      `first \`up\`s, ${AT_ONCE} at a time`,
      "per stack",
      "`up`s : plain",
      "last : first",
      "edit of one",
    ];
    const checks = [
      {
        what: `${count} tenants, against a plain client`,
        target: `≤ ×${LIMIT}`,
        measured: ratio(all.seconds, plain.seconds),
        met: all.seconds <= LIMIT * plain.seconds,
      },
      {
        what: `one tenant's edit, among ${count}`,
        target: `≤ ${EDIT_LIMIT_SECONDS} s`,
        measured: seconds(edit),
        met: edit <= EDIT_LIMIT_SECONDS,
      },
    ];
    return { table: { columns, rows: [row] }, checks };
  } finally {
    for (const { project } of stacks) await project.dispose();
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

async function inTurns<Item>(items: readonly Item[], work: (item: Item) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Time by the clock, and processor time of this process and what it starts, the cluster left out. */
async function measured(work: () => Promise<unknown>): Promise<Run> {
  const own = process.cpuUsage();
  const watch = new ProcessWatch(process.pid);
  const { seconds: elapsed } = await timed(work);
  const uses = watch.stop();
  const { user, system } = process.cpuUsage(own);
  const others = uses.filter(
    ({ pid, command }) => pid !== process.pid && !command.includes("test-kubernetes"),
  );
  const cpuSeconds = others.reduce((sum, use) => sum + use.cpuSeconds, (user + system) / 1e6);
  return { seconds: elapsed, cpuSeconds };
}
