/** A project in a temporary folder whose plugins answer at once. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { backendEnvironment } from "../../toolchain/backend";
import { bundle } from "../../toolchain/bundle";
import { ensureToolchain, type Toolchain } from "../../toolchain/ensure";
import { PROJECT_DIR } from "../../toolchain/locations";
import { namespaced } from "../support/fleet-values";
import { ProcessWatch } from "../support/processes";
import { instantPackages } from "./definitions";
import type { Order, Outcome } from "./run";

/** One `up`, measured from outside. */
export interface MeasuredUp {
  /** From the start of the process to its end. */
  seconds: number;
  /** Of the engine's `up` alone. */
  upSeconds: number;
  /** Processor time of program, engine and plugins together. */
  cpuSeconds: number;
  created: number;
  /** Resources in the state afterwards. */
  resources: number;
  stateBytes: number;
  /** What the engine caused to be written to storage: nearly all of it is the state, over and over. */
  writtenBytes: number;
  enginePeakBytes: number;
  programPeakBytes: number;
  /** Set where the time limit ended it: the rest then says how far it had come. */
  timedOut: boolean;
}

export interface UpOptions {
  program?: Order["program"];
  /** Default: none. */
  limitSeconds?: number;
  /** Further environment of the engine. */
  env?: Record<string, string>;
}

export class InstantFleet {
  private constructor(
    readonly folder: string,
    private readonly toolchain: Toolchain,
  ) {}

  static async create(): Promise<InstantFleet> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "fleet-bench-"));
    const fleet = new InstantFleet(folder, await ensureToolchain());
    await fleet.installPlugins();
    return fleet;
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** Writes the stack's file, keeping what the engine wrote into it. */
  write(stack: string, values: Record<string, unknown>): void {
    const file = path.join(this.folder, `Pulumi.${stack}.yaml`);
    const before = fs.existsSync(file) ? (parse(fs.readFileSync(file, "utf8")) as object) : {};
    fs.writeFileSync(file, stringify({ ...before, config: namespaced(values) }));
  }

  /** @throws Error with what the engine said, where it failed for another reason than the time limit */
  async up(stack: string, options: UpOptions = {}): Promise<MeasuredUp> {
    const { engine, env } = this.toolchain;
    const home = path.join(this.folder, "home");
    const order: Order = {
      stack,
      folder: this.folder,
      engineRoot: engine.root,
      pulumiHome: home,
      program: options.program ?? "fleet",
      env: {
        ...env,
        ...backendEnvironment(this.folder, { ...process.env, PULUMI_BACKEND_URL: undefined }),
        PULUMI_HOME: home,
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        ...options.env,
      },
    };
    const begin = performance.now();
    const child = spawn(
      process.execPath,
      ["--require", "tsx/cjs", path.join(__dirname, "run.ts"), JSON.stringify(order)],
      // The program finds the project by its working folder; tsx is found from there over this checkout.
      { cwd: this.folder, env: this.childEnvironment(), stdio: ["ignore", "pipe", "pipe"], detached: true },
    );
    let [stdout, stderr, timedOut] = ["", "", false];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const watch = new ProcessWatch(child.pid!);
    const limit =
      options.limitSeconds === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            process.kill(-child.pid!, "SIGKILL");
          }, options.limitSeconds * 1000);
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    clearTimeout(limit);
    const used = watch.stop();
    const seconds = (performance.now() - begin) / 1000;
    if (code !== 0 && !timedOut)
      throw new Error(`up of ${stack} ended with ${code}:\n${stderr.slice(-2000)}`);

    const engineUp = used.find(
      ({ command }) => /\bpulumi\b/.test(command.split(" ")[0] ?? "") && /\sup\s/.test(command),
    );
    const outcome = timedOut ? undefined : (JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Outcome);
    return {
      seconds,
      upSeconds: outcome?.upSeconds ?? seconds,
      cpuSeconds: used.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      created: outcome?.changes.create ?? 0,
      ...this.state(stack),
      writtenBytes: engineUp?.writtenBytes ?? 0,
      enginePeakBytes: engineUp?.peakBytes ?? 0,
      programPeakBytes: used.find(({ pid }) => pid === child.pid)?.peakBytes ?? 0,
      timedOut,
    };
  }

  private childEnvironment(): NodeJS.ProcessEnv {
    return { ...process.env, NODE_PATH: path.join(PROJECT_DIR, "node_modules") };
  }

  private state(stack: string): { resources: number; stateBytes: number } {
    const file = path.join(this.folder, ".pulumi-state/.pulumi/stacks/nocobase-fleet", `${stack}.json`);
    const text = fs.readFileSync(file, "utf8");
    const { checkpoint } = JSON.parse(text) as { checkpoint: { latest?: { resources?: unknown[] } } };
    return { resources: checkpoint.latest?.resources?.length ?? 0, stateBytes: Buffer.byteLength(text) };
  }

  private async installPlugins(): Promise<void> {
    const { text } = await bundle(path.join(__dirname, "main.ts"), PROJECT_DIR);
    const project = parse(fs.readFileSync(path.join(PROJECT_DIR, "Pulumi.yaml"), "utf8")) as {
      main: string;
      plugins: { providers: { name: string; path: string }[] };
    };
    project.main = path.join(PROJECT_DIR, project.main);
    const install = (folder: string, name: string) => {
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, `pulumi-resource-${name}`), text, { mode: 0o755 });
    };
    // The engine wants every provider of the project to be there: those of other platforms have no part in this.
    project.plugins.providers = project.plugins.providers.filter(({ name }) => name in instantPackages);
    for (const provider of project.plugins.providers) {
      provider.path = path.join(this.folder, "providers", provider.name);
    }
    const ours = new Map(project.plugins.providers.map(({ name, path: folder }) => [name, folder]));
    const official = new Map(this.toolchain.plugins.map(({ name, version }) => [name, version]));
    for (const name of Object.keys(instantPackages)) {
      const installed = path.join(
        this.folder,
        "home/plugins",
        `resource-${name}-v${official.get(name) ?? ""}`,
      );
      install(ours.get(name) ?? installed, name);
    }
    fs.writeFileSync(path.join(this.folder, "Pulumi.yaml"), stringify(project));
  }
}
