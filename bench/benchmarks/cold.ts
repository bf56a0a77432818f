import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { LocalHarness } from "../../test/e2e/support/local";
import type { Project } from "../../test/e2e/support/project";
import { freePort } from "../../test/support/ports";
import { PROJECT_DIR } from "../../toolchain/locations";
import { seconds } from "../support/measure";
import type { Report } from "../support/report";
import { withRemoval } from "../support/scope";

const LIMIT_SECONDS = 12 * 60;

/** Go's settings that say where modules come from: without them an empty HOME would change the network, too. */
const GO_SETTINGS = [
  "GOPROXY",
  "GONOPROXY",
  "GOPRIVATE",
  "GOSUMDB",
  "GONOSUMDB",
  "GOINSECURE",
  "GOTOOLCHAIN",
];

interface Step {
  /** Since the beginning, seconds. */
  at: number;
  line: string;
}

/** A copy of this checkout with an empty HOME and empty caches: `npm ci`, then `fleet up` of the dev stack. */
export async function cold(): Promise<Report> {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), "fleet-cold-"));
  fs.chmodSync(base, 0o711);
  const folder = path.join(base, "project");
  const stack = `cold${process.pid}`;
  // Only what the clean-up asks of a project; the folder is not one that it made.
  const project: Pick<Project, "folder" | "stack" | "remove"> = {
    folder,
    stack,
    remove: () => fs.rmSync(base, { recursive: true, force: true }),
  };
  const removable = { remove: () => new LocalHarness(project as Project).cleanUp() };
  return withRemoval(removable, async () => {
    copyCheckout(folder);
    writeStackFile(folder, stack, await freePort());
    const env = emptyHome(path.join(base, "home"));
    const begin = performance.now();
    const steps: Step[] = [];
    const note = (line: string) =>
      steps.push({
        at: (performance.now() - begin) / 1000,
        line: line.replaceAll(path.join(base, "home"), "~"),
      });
    await run("npm", ["ci", "--no-audit", "--no-fund"], folder, env, () => undefined);
    note("npm ci");
    await run(process.execPath, ["cli/fleet.cjs", "up", "--stack", stack], folder, env, note);
    note("fleet up");
    const whole = steps.at(-1)!.at;
    return {
      title: "Empty caches to first fleet",
      tables: [{ columns: ["done after", "what"], rows: milestones(steps) }],
      checks: [
        {
          what: "cold caches to first fleet",
          target: `≤ ${LIMIT_SECONDS / 60} min`,
          measured: `${(whole / 60).toFixed(1)} min`,
          met: whole <= LIMIT_SECONDS,
        },
      ],
      notes: [
        "Engine built from Go modules, NocoBase installed beside it; HOME, npm's cache, Go's module and build caches all empty.",
      ],
    };
  });
}

/** What git knows and what it would take in: neither installed packages nor any state. */
function copyCheckout(folder: string): void {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: PROJECT_DIR,
    encoding: "utf8",
  });
  for (const file of listed.split("\0").filter((name) => name !== "")) {
    const source = path.join(PROJECT_DIR, file);
    if (fs.existsSync(source)) fs.cpSync(source, path.join(folder, file));
  }
}

/** The dev stack under a name of its own: its derived ports are then others than those of a dev fleet that runs. */
function writeStackFile(folder: string, stack: string, port: number): void {
  const dev = parse(fs.readFileSync(path.join(folder, "Pulumi.dev.yaml"), "utf8")) as {
    config: Record<string, unknown>;
  };
  dev.config["nocobase-fleet:gateway"] = { port };
  fs.writeFileSync(path.join(folder, `Pulumi.${stack}.yaml`), stringify(dev));
}

function emptyHome(home: string): NodeJS.ProcessEnv {
  fs.mkdirSync(home);
  const go = JSON.parse(execFileSync("go", ["env", "-json", ...GO_SETTINGS], { encoding: "utf8" })) as Record<
    string,
    string
  >;
  const npmrc = execFileSync("npm", ["config", "get", "userconfig"], { encoding: "utf8" }).trim();
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(GO[A-Z]+|XDG_.*|PULUMI_.*|NOCOBASE_FLEET_.*|npm_.*)$/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    ...go,
    HOME: home,
    // Go makes its module cache read-only, which an ordinary user couldn't remove.
    GOFLAGS: "-modcacherw",
    NOCOBASE_FLEET_ENGINE: "build",
    npm_config_userconfig: npmrc,
    npm_config_cache: path.join(home, ".npm"),
  };
}

function run(
  command: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let [partial, all] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (partial + chunk.toString()).split("\n");
      partial = lines.pop() ?? "";
      lines.forEach(onLine);
      all += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => (all += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code}:\n${all.slice(-3000)}`));
    });
  });
}

/** Ends of the long parts and of the slowest resources. */
function milestones(steps: readonly Step[]): string[][] {
  const telling = /^(npm ci|fleet up)$|^[A-Z][^:]*: (?!.*\.\.\.$)|^ {2}created +\S+-(server|instance|app) /;
  return steps
    .filter(({ line }) => telling.test(line))
    .map(({ at, line }) => [seconds(at), line.trim().replace(/\s+/g, " ")]);
}
