/**
 * One operation of the real program on the real engine, as `fleet up` runs it: in this process, over the Automation
 * API. Takes an {@link Order} as JSON in its one argument; the last line of its output is an {@link Outcome}.
 */
import { LocalWorkspace, PulumiCommand, type OpMap, type PulumiFn } from "@pulumi/pulumi/automation";

export interface Order {
  stack: string;
  /** The project's folder. */
  folder: string;
  engineRoot: string;
  pulumiHome: string;
  env: Record<string, string>;
  /** `empty`: a program without resources, on the same engine. */
  program: "fleet" | "empty";
}

export interface Outcome {
  /** Of the engine's `up` alone, without start of Node, stack selection and loading of the program. */
  upSeconds: number;
  changes: OpMap;
}

async function main(): Promise<void> {
  const order = JSON.parse(process.argv[2] ?? "") as Order;
  const program: PulumiFn = () => {
    if (order.program === "empty") return Promise.resolve({});
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded where `fleet` loads it
    return (require("../../index") as typeof import("../../index"))();
  };
  const stack = await LocalWorkspace.createOrSelectStack(
    { stackName: order.stack, projectName: "nocobase-fleet", program },
    {
      workDir: order.folder,
      pulumiCommand: await PulumiCommand.get({ root: order.engineRoot }),
      pulumiHome: order.pulumiHome,
      envVars: order.env,
    },
  );
  const begin = performance.now();
  const { summary } = await stack.up({ onEvent: () => undefined, color: "never" });
  const outcome: Outcome = {
    upSeconds: (performance.now() - begin) / 1000,
    changes: summary.resourceChanges ?? {},
  };
  console.log(JSON.stringify(outcome));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
