import { UserError, ExitCode } from "../exit-codes";
import { openStack, type FleetStack } from "../session";

/** `fleet start [NAME...]` */
export async function start(names: string[], options: { stack: string }): Promise<void> {
  const stack = await openStack(options.stack, { quiet: true });
  await stack.operations.start(await partNames(stack, names), (line) => console.log(line));
}

/** `fleet stop [NAME...]` */
export async function stop(names: string[], options: { stack: string }): Promise<void> {
  const stack = await openStack(options.stack, { quiet: true });
  await stack.operations.stop(await partNames(stack, names), (line) => console.log(line));
}

/** Translates what people type (`erp`, `blue`, `gateway`) into names of parts. */
export async function partNames(stack: FleetStack, names: readonly string[]): Promise<string[]> {
  const outputs = await stack.outputs();
  const parts = (await stack.operations.parts()).map((part) => part.name);
  return names.map((name) => {
    const app = outputs.apps[name];
    const candidates = [name, `env-${name}`, `app-${app?.name ?? name}`, `postgres-${name}`];
    const found = candidates.find((candidate) => parts.includes(candidate));
    if (found) return found;
    if (app?.isolation === "shared") {
      throw new UserError(
        `${name} is a shared app: it runs inside ${app.environment ?? "entry"}'s process. ` +
          `To stop it alone, set \`state: stopped\` under nocobase-fleet:apps.${name} and run \`fleet up\`.`,
        ExitCode.usage,
      );
    }
    throw new UserError(
      `no part of this fleet is called "${name}"; it has ${parts.join(", ")}`,
      ExitCode.usage,
    );
  });
}
