import { spawn } from "node:child_process";
import { ExitCode, UserError } from "../exit-codes";
import { formatTable } from "../output/table";
import { openStack } from "../session";
import type { StackOutputs } from "../status/rows";

/** `fleet open NAME`: starts the desktop's browser where there is one, and prints the address in any case. */
export async function open(name: string, options: { stack: string }): Promise<void> {
  const stack = await openStack(options.stack, { quiet: true });
  const signIn = signInOf(await stack.outputs(), name);
  console.log(signIn.url);
  console.error(`sign in as ${signIn.email}; the password: fleet credentials ${name}`);
  const opener = process.platform === "darwin" ? "open" : "xdg-open";
  if (process.platform !== "darwin" && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return;
  const child = spawn(opener, [signIn.url], { stdio: "ignore", detached: true });
  child.on("error", () => undefined);
  child.unref();
}

/** `fleet credentials [NAME]` */
export async function credentials(
  name: string | undefined,
  options: { stack: string; json?: boolean },
): Promise<void> {
  const stack = await openStack(options.stack, { quiet: true });
  const outputs = await stack.outputs();
  const shown = name === undefined ? outputs.credentials : { [name]: signInOf(outputs, name) };
  if (options.json) console.log(JSON.stringify(shown, null, 2));
  else {
    const rows = Object.entries(shown).map(([key, { url, email, password }]) => [key, url, email, password]);
    console.log(formatTable(["name", "url", "sign in as", "password"], rows));
  }
}

function signInOf(outputs: StackOutputs, name: string): StackOutputs["credentials"][string] {
  const signIn = outputs.credentials[name];
  if (signIn) return signIn;
  const known = Object.keys(outputs.credentials).sort().join(", ");
  throw new UserError(`this fleet has no app or environment "${name}"; it has ${known}`, ExitCode.usage);
}
