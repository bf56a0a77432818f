import { ExitCode, UserError } from "../exit-codes";
import { openStack, type FleetStack } from "../session";
import { partNames } from "./start-stop";

/** `fleet logs NAME`; a shared app's log is that of the instance that hosts it. */
export async function logs(
  name: string,
  options: { stack: string; lines: string; follow?: boolean; replica?: string },
): Promise<void> {
  const lines = Number(options.lines);
  if (!Number.isInteger(lines) || lines < 0) {
    throw new UserError(`--lines is "${options.lines}"; give a whole number, 0 or more`, ExitCode.usage);
  }
  const replica = options.replica === undefined ? undefined : Number(options.replica);
  if (replica !== undefined && (!Number.isInteger(replica) || replica < 1)) {
    throw new UserError(
      `--replica is "${options.replica ?? ""}"; give a whole number, 1 or more`,
      ExitCode.usage,
    );
  }
  const stack = await openStack(options.stack, { quiet: true });
  const app = (await stack.outputs()).apps[name];
  const shown = app?.isolation === "shared" ? (app.environment ?? "entry") : name;
  if (stack.platform && app?.isolation === "shared") {
    const { platformStack = "" } = await stack.outputs();
    throw new UserError(
      `${name} runs inside ${shown} of stack ${platformStack}; run: fleet logs ${shown} --stack ${platformStack}`,
      ExitCode.usage,
    );
  }
  if (shown !== name) console.error(`${name} runs inside ${shown}; this is ${shown}'s log`);
  const [part] = await partNames(stack, [shown]);
  const abort = new AbortController();
  process.once("SIGINT", () => abort.abort());
  await stack.operations.logs(part ?? shown, {
    lines,
    follow: options.follow ?? false,
    replica: await existing(stack, part ?? shown, replica),
    signal: abort.signal,
    write: (text) => process.stdout.write(text),
  });
}

async function existing(
  stack: FleetStack,
  name: string,
  replica: number | undefined,
): Promise<number | undefined> {
  if (replica === undefined) return undefined;
  const part = (await stack.operations.parts()).find((each) => each.name === name);
  const known = part?.replicas?.wanted ?? 1;
  if (replica <= known) return replica;
  const those = known === 1 ? "one process" : `replicas 1 to ${known}`;
  throw new UserError(`--replica is ${replica}, but ${name} has ${those}`, ExitCode.usage);
}
