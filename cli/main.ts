/** The `fleet` command. */
import { Command, CommanderError } from "commander";
import { ExitCode, UserError } from "./exit-codes";
import { firstLines, isEngineFailure } from "./output/engine-message";

/** Where each command is; loaded when it is called. */
/* eslint-disable @typescript-eslint/no-require-imports -- no command waits for the code of the others */
const load = {
  up: () => require("./commands/up") as typeof import("./commands/up"),
  preview: () => require("./commands/preview") as typeof import("./commands/preview"),
  destroy: () => require("./commands/destroy") as typeof import("./commands/destroy"),
  refresh: () => require("./commands/refresh") as typeof import("./commands/refresh"),
  startStop: () => require("./commands/start-stop") as typeof import("./commands/start-stop"),
  status: () => require("./commands/status") as typeof import("./commands/status"),
  graph: () => require("./commands/graph") as typeof import("./commands/graph"),
  logs: () => require("./commands/logs") as typeof import("./commands/logs"),
  open: () => require("./commands/open") as typeof import("./commands/open"),
  doctor: () => require("./commands/doctor") as typeof import("./commands/doctor"),
  requests: () => require("./commands/requests") as typeof import("./commands/requests"),
  tenant: () => require("./commands/tenant") as typeof import("./commands/tenant"),
  setup: () => require("./commands/setup") as typeof import("./commands/setup"),
  images: () => require("./commands/images") as typeof import("./commands/images"),
};
/* eslint-enable */

/** An action that is looked for when it is called. */
function lazily<Args extends unknown[]>(find: () => (...args: Args) => unknown) {
  return async (...args: Args): Promise<void> => {
    await find()(...args);
  };
}

function build(): Command {
  const program = new Command("fleet")
    .description("Runs fleets of NocoBase applications from one Pulumi stack file.")
    .showHelpAfterError("(see fleet --help)")
    .configureHelp({ sortSubcommands: false })
    .exitOverride();

  const command = (name: string, summary: string) =>
    program
      .command(name)
      .description(summary)
      .option("-s, --stack <name>", "stack, as in Pulumi.<name>.yaml", process.env.PULUMI_STACK ?? "dev")
      .exitOverride();

  const severalStacks = (each: Command) =>
    each
      .option("--all", "every stack file of the project, platforms first")
      .option("--changed [base]", "stacks that differ from a commit or branch (default: origin/main)")
      .option("--stacks <patterns>", "stacks by name, with * and ?, commas between several")
      .option(
        "--parallel <count>",
        "stacks at the same time (default: as many as processors and memory allow)",
      );

  severalStacks(command("up", "create or update the fleet as its stack file says"))
    .option("--json", "print the result as JSON")
    .action(lazily(() => load.up().up));
  severalStacks(command("preview", "show what `up` would do; changes nothing"))
    .option("--diff", "show every property that changes")
    .option("--expect-no-changes", "exit 7 where there would be changes")
    .option("--refresh", "with several stacks or --markdown: look at what is really there first")
    .option("--markdown <file>", "write it as a page for a pull request; exit 4 where data would be lost")
    .option("--json", "with several stacks or --markdown: print the result as JSON")
    .action(lazily(() => load.preview().preview));
  severalStacks(command("destroy", "stop the fleet and remove it, as each app's `deletion` says"))
    .option("-y, --yes", "don't ask")
    .option("--json", "with several stacks: print the result as JSON")
    .action(lazily(() => load.destroy().destroy));
  command("refresh", "compare the state with what is really there and take drift over into the state").action(
    lazily(() => load.refresh().refresh),
  );
  command("start", "start what should run (all, or the named parts)")
    .argument("[name...]")
    .action(lazily(() => load.startStop().start));
  command("stop", "stop processes until the next start or up; removes nothing")
    .argument("[name...]")
    .action(lazily(() => load.startStop().stop));
  command("status", "live state of every instance and app; exit 1 if anything that should run doesn't")
    .option("--json", "print it as JSON")
    .action(lazily(() => load.status().status));
  severalStacks(command("graph", "draw the fleet as its stack files say: SVG, or Mermaid for Markdown"))
    .option("--mermaid", "a Mermaid flowchart instead of SVG")
    .option("-o, --output <file>", "write it there (default: print it)")
    .action(lazily(() => load.graph().graph));
  command("logs", "show the log of an app, environment, the entry app, gateway or database server")
    .argument("<name>")
    .option("-n, --lines <count>", "lines from the end", "100")
    .option("-f, --follow", "go on as it grows")
    .option("-r, --replica <number>", "one replica, from 1 (default: all, each line with its replica's name)")
    .action(lazily(() => load.logs().logs));
  command("open", "open an app in the browser, or print its address where there is none")
    .argument("<name>")
    .action(lazily(() => load.open().open));
  command("credentials", "print the sign-in of an app's root user")
    .argument("[name]", "app, environment, or entry (default: all)")
    .option("--json", "print it as JSON")
    .action(lazily(() => load.open().credentials));
  command("doctor", "check this machine and the stack; changes nothing")
    .option("--json", "print it as JSON")
    .action(lazily(() => load.doctor().doctor));
  const asked = program
    .command("requests")
    .description("what people asked for in the entry app")
    .exitOverride();
  const onRequests = (name: string, summary: string) =>
    asked
      .command(name)
      .description(summary)
      .option("-s, --stack <name>", "stack, as in Pulumi.<name>.yaml", process.env.PULUMI_STACK ?? "dev")
      .exitOverride();
  onRequests("list", "open requests for apps, oldest first")
    .option("--all", "those that were answered, too")
    .option("--json", "print them as JSON")
    .action(lazily(() => load.requests().list));
  onRequests("accept", "write what is asked for into the stack file, for the next `up`")
    .argument("<id...>", "the first characters of a request's id are enough")
    .action(lazily(() => load.requests().accept));
  onRequests("reject", "refuse requests")
    .argument("<id...>", "the first characters of a request's id are enough")
    .option("--reason <text>", "shown to who asked")
    .action(lazily(() => load.requests().reject));
  program
    .command("tenant")
    .description("stack files of tenants")
    .exitOverride()
    .command("new")
    .description("write a stack file for a tenant's apps on a platform stack")
    .argument("<name>", "the tenant's stack, as in Pulumi.<name>.yaml")
    .requiredOption("-e, --environment <key>", "environment of the platform that hosts the apps")
    .requiredOption("-a, --app <key...>", "apps to declare")
    .option("-p, --platform <stack>", "platform stack", process.env.PULUMI_STACK ?? "dev")
    .exitOverride()
    .action(lazily(() => load.tenant().newTenant));
  command("setup", "get the engine and plugins, so that plain `pulumi up` works too").action(
    lazily(() => load.setup().setup),
  );
  const images = program
    .command("images")
    .description("container images of the Docker platform")
    .exitOverride();
  images
    .command("build")
    .description("build every image from package registries alone, with no image registry")
    .option("--release <version>", "NocoBase's version (default: the newest known)")
    .option("--fresh", "fetch Debian's packages again, with their latest security updates")
    .option("--json", "print names, ids and sizes as JSON")
    .exitOverride()
    .action(lazily(() => load.images().buildAllImages));
  return program;
}

async function main(): Promise<number> {
  try {
    await build().parseAsync();
    return typeof process.exitCode === "number" ? process.exitCode : ExitCode.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    if (error instanceof UserError) {
      console.error(error.message);
      return error.exitCode;
    }
    if (isEngineFailure(error)) {
      console.error(`The Pulumi engine failed:\n${firstLines(error.message)}`);
      return ExitCode.failed;
    }
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
    console.error(
      "This is a fault of nocobase-fleet, not of your stack file. Please report it with the lines above.",
    );
    return ExitCode.failed;
  }
}

void main().then((code) => process.exit(code));
