/** A project in a temporary folder whose resource plugins answer at once; the engine and the `fleet` command are real. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { instantPackages } from "../../../bench/instant/definitions";
import { bundle } from "../../../toolchain/bundle";
import { PROJECT_DIR } from "../../../toolchain/locations";

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

type Values = Record<string, unknown>;

export class InstantProject {
  private constructor(readonly folder: string) {}

  static async create(): Promise<InstantProject> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "fleet-instant-"));
    const { text } = await bundle(path.join(PROJECT_DIR, "bench", "instant", "main.ts"), PROJECT_DIR);
    const project = parse(fs.readFileSync(path.join(PROJECT_DIR, "Pulumi.yaml"), "utf8")) as {
      main: string;
      plugins: { providers: { name: string; path: string }[] };
    };
    project.main = path.join(PROJECT_DIR, project.main);
    project.plugins.providers = Object.keys(instantPackages).map((name) => {
      const provider = path.join(folder, "providers", name);
      fs.mkdirSync(provider, { recursive: true });
      fs.writeFileSync(path.join(provider, `pulumi-resource-${name}`), text, { mode: 0o755 });
      return { name, path: provider };
    });
    fs.writeFileSync(path.join(folder, "Pulumi.yaml"), stringify(project));
    return new InstantProject(folder);
  }

  /** Writes a stack file, keeping what the engine wrote into it. */
  write(stack: string, values: Values): void {
    const file = this.stackFile(stack);
    const before = fs.existsSync(file) ? (parse(fs.readFileSync(file, "utf8")) as object) : {};
    const config = Object.entries(values).map(([key, value]) => [`nocobase-fleet:${key}`, value]);
    fs.writeFileSync(file, stringify({ ...before, config: Object.fromEntries(config) as Values }));
  }

  stackFile(stack: string): string {
    return path.join(this.folder, `Pulumi.${stack}.yaml`);
  }

  /** Text of a stack's state; undefined where there is none. */
  state(stack: string): string | undefined {
    const file = path.join(this.folder, ".pulumi-state/.pulumi/stacks/nocobase-fleet", `${stack}.json`);
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined;
  }

  /** Runs `fleet ARGS` to its end. @param onStart is told its process id */
  async fleet(
    args: readonly string[],
    env: Record<string, string> = {},
    onStart: (pid: number) => void = () => undefined,
  ): Promise<Ended> {
    const child = spawn(process.execPath, [path.join(PROJECT_DIR, "cli", "fleet.cjs"), ...args], {
      cwd: this.folder,
      // The instant plugins are bundled, yet find google-protobuf and grpc in this checkout.
      env: { ...process.env, NODE_PATH: path.join(PROJECT_DIR, "node_modules"), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    onStart(child.pid!);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, stdout, stderr };
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
