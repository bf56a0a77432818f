import type { Props } from "../../providers/kit/types";
import { TestCluster } from "../../test/support/kubernetes";
import { addStorage } from "../../test/support/kubernetes-storage";
import { platformCapabilities } from "../../platforms/capabilities";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import { createStack, objectsOf, type ClusterStack } from "../kubernetes/fleet";
import { runPlain } from "../kubernetes/plain";
import { digits, mebibytes, median, ratio, seconds, timed } from "../support/measure";
import { ProcessWatch } from "../support/processes";
import type { Report, Table } from "../support/report";
import { withRemoval } from "../support/scope";

const SIZES = [10, 20];
const TENANTS = 8;
/** `up`s of tenants' stacks under way at once. */
const AT_ONCE = 2;
const EDIT_LIMIT_SECONDS = 10;
const LIMIT = 2;
/** The size, which a stack for each tenant is reckoned up to: each costs the same. */
const MANY = 500;
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
    await addStorage(cluster, 2 * SIZES.reduce((sum, size) => sum + size, 0) + 4 * TENANTS + MANY);
    const one = await oneStack(cluster);
    const many = await manyStacks(cluster);
    return {
      title: "Kubernetes",
      tables: [one, many.table],
      notes: [
        "A real API server with controllers and played nodes, whose pods are ready at once; thirteen objects for each app, without " +
          "databases. The plain client makes the same objects with 16 requests under way, then waits for the pods as `up` does.",
        "Processor time is that of everything but the cluster: program, engine and plugin.",
        "Without checkpoints (`PULUMI_SKIP_CHECKPOINTS=true`) the engine writes the state once, in the end: what is " +
          "left is the cost of engine, program and plugin. It is no setting for real fleets, since a run that is killed then forgets all it made.",
      ],
      checks: [
        {
          what: `${TENANTS} tenants, against a plain client`,
          target: `≤ ×${LIMIT}`,
          measured: ratio(many.all, many.plain),
          met: many.all <= LIMIT * many.plain,
        },
        {
          what: `one tenant's edit, among ${TENANTS}`,
          target: `≤ ${EDIT_LIMIT_SECONDS} s`,
          measured: seconds(many.edit),
          met: many.edit <= EDIT_LIMIT_SECONDS,
        },
      ],
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
    const plain = await timed(() => runPlain(cluster, objects, `plain${size}`));
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
  all: number;
  plain: number;
  edit: number;
}

async function manyStacks(cluster: TestCluster): Promise<Many> {
  const stacks = await Promise.all(
    Array.from({ length: TENANTS }, (_, index) =>
      createStack(cluster, { stack: `t${index}`, apps: { crm: APP } }, PARALLEL),
    ),
  );
  const all = await measured(() => inTurns(stacks, (stack) => stack.project.up()));
  const objects: KubernetesObject[] = [];
  for (const stack of stacks) objects.push(...(await objectsOf(stack)));
  const [first] = stacks;
  if (!first) throw new Error("there is no tenant");
  const plain = await timed(() => runPlain(cluster, objects, "plain"));
  const edits: number[] = [];
  for (const memory of ["1200Mi", "1300Mi", "1400Mi"]) {
    const resources: Props = { memory };
    first.tenant = { ...first.tenant, apps: { crm: { ...APP, resources } } };
    edits.push((await timed(() => first.project.up())).seconds);
  }
  for (const { project } of stacks) await project.dispose();
  const edit = median(edits);
  const row = [
    String(TENANTS),
    String(objects.length),
    seconds(plain.seconds),
    seconds(all.seconds),
    seconds(all.cpuSeconds / TENANTS),
    ratio(all.seconds, plain.seconds),
    seconds(edit),
    `${digits((all.seconds / TENANTS) * (MANY / 60))} min`,
  ];
  const columns = [
    "stacks of one app",
    "objects",
    "plain client",
    `first \`up\`s, ${AT_ONCE} at a time`,
    "processor time of one",
    "`up`s : plain",
    "edit of one",
    `${MANY} at this rate`,
  ];
  return { table: { columns, rows: [row] }, all: all.seconds, plain: plain.seconds, edit };
}

async function inTurns(
  stacks: readonly ClusterStack[],
  work: (stack: ClusterStack) => Promise<unknown>,
): Promise<void> {
  const queue = stacks.values();
  const worker = async () => {
    for (const stack of queue) await work(stack);
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
