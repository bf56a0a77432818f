import assert from "node:assert/strict";
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { PROJECT_DIR } from "../../../toolchain/locations";
import type { Sandbox } from "../../support/sandbox";

export interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
  /** stdout, then stderr. */
  output: string;
  seconds: number;
}

export type Values = Record<string, unknown>;

/** A Pulumi project in a temporary folder that runs this checkout's program, as a tenant's repository would. */
export class Project {
  readonly folder: string;
  /** The `nocobase-fleet:*` values of the stack file, without their namespace. */
  values: Values;

  constructor(
    readonly stack: string,
    values: Values,
    /** Whose network `fleet` runs in; default the machine's own. */
    private readonly sandbox?: Sandbox,
  ) {
    this.values = values;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "fleet-e2e-"));
    // PostgreSQL's OS user passes through on its way to the data folder.
    fs.chmodSync(this.folder, 0o711);
    const project = parse(fs.readFileSync(path.join(PROJECT_DIR, "Pulumi.yaml"), "utf8")) as {
      main: string;
      plugins: { providers: { path: string }[] };
    };
    project.main = path.join(PROJECT_DIR, project.main);
    for (const provider of project.plugins.providers) provider.path = path.join(PROJECT_DIR, provider.path);
    fs.writeFileSync(path.join(this.folder, "Pulumi.yaml"), stringify(project));
    this.save();
  }

  /** Edits the values and writes the stack file, keeping what the engine wrote into it. */
  edit(change: (values: Values) => void): void {
    change(this.values);
    this.save();
  }

  /** Takes over what the engine wrote into the stack file, e.g. secrets. */
  reload(): void {
    const { config } = parse(fs.readFileSync(this.stackFile, "utf8")) as { config: Values };
    this.values = Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key.replace(/^nocobase-fleet:/, ""), value]),
    );
  }

  /** Runs `fleet ARGS` to its end. */
  async fleet(...args: string[]): Promise<Run> {
    const started = Date.now();
    const child = this.start(...args);
    let [stdout, stderr] = ["", ""];
    child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
    return { code, stdout, stderr, output: stdout + stderr, seconds: (Date.now() - started) / 1000 };
  }

  /** {@link fleet} that must succeed. */
  async succeed(...args: string[]): Promise<Run> {
    const run = await this.fleet(...args);
    assert.equal(run.code, 0, `fleet ${args.join(" ")} ended with ${run.code}:\n${run.output}`);
    return run;
  }

  /** Starts `fleet ARGS` in a process group of its own. */
  start(...args: string[]): ChildProcess {
    const command = [path.join(PROJECT_DIR, "cli", "fleet.cjs"), ...args, "--stack", this.stack];
    const options: SpawnOptions = { cwd: this.folder, stdio: ["ignore", "pipe", "pipe"], detached: true };
    return (
      this.sandbox?.spawn(process.execPath, command, options) ?? spawn(process.execPath, command, options)
    );
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  private get stackFile(): string {
    return path.join(this.folder, `Pulumi.${this.stack}.yaml`);
  }

  private save(): void {
    const file = this.stackFile;
    const before = fs.existsSync(file) ? (parse(fs.readFileSync(file, "utf8")) as Values) : {};
    const config = Object.fromEntries(
      Object.entries(this.values).map(([key, value]) => [`nocobase-fleet:${key}`, value]),
    );
    fs.writeFileSync(file, stringify({ ...before, config }));
  }
}
