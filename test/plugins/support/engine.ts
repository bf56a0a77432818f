/**
 * Runs the real Pulumi engine on an inline program: a project in a temporary folder, a file backend beside it,
 * and a PULUMI_HOME that holds exactly the plugins a test names, so nothing on the machine is touched or used
 * by accident.
 */
import { execFile } from "node:child_process";
import { setMaxListeners } from "node:events";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import * as settings from "@pulumi/pulumi/runtime/settings";
import {
  LocalWorkspace,
  PulumiCommand,
  Stack,
  type EngineEvent,
  type OutputMap,
  type PreviewResult,
  type PulumiFn,
} from "@pulumi/pulumi/automation";
import { withoutReport } from "../../../cli/without-report";
import { bundle } from "../../../toolchain/bundle";
import { ensureToolchain } from "../../../toolchain/ensure";
import { PROJECT_DIR } from "../../../toolchain/locations";
import { requiredPlugins } from "../../../toolchain/versions";
import { findOnPath } from "./find-on-path";

const run = promisify(execFile);

export const STACK_NAME = "test";
/**
 * The SDK's gRPC clients share connections by address, process-wide; here hundreds of engines come and go, and a new one
 * may listen on a port whose last connection has just broken.
 */
const { grpcClientOptions } = settings as unknown as { grpcClientOptions: Record<string, unknown> };
grpcClientOptions["grpc.use_local_subchannel_pool"] = 1;

/** No resource of the tests takes longer; a create that is killed ends the engine first. */
const ANSWER_LIMIT_MS = 150_000;
export const PASSPHRASE = "a passphrase of tests only";

/** A resource plugin, installed under this name and version before the engine starts. */
export interface Plugin {
  name: string;
  version: string;
  /** An executable, or the TypeScript program of one of ours (`main.ts`), which is bundled as for users. */
  program: string;
}

export interface ProjectOptions {
  /** Called anew by each operation; its result becomes the stack's outputs. */
  program: PulumiFn;
  /** Installed into the project's PULUMI_HOME. */
  plugins?: readonly Plugin[];
  /** Plugins listed in Pulumi.yaml instead (`plugins.providers`): folder of the executable by package name. */
  providers?: Readonly<Record<string, string>>;
  /** Further environment for engine and plugins. */
  env?: Readonly<Record<string, string>>;
}

/** One thing the engine did or means to do to a resource. */
export interface Step {
  op: string;
  urn: string;
  /** Name part of the URN. */
  name: string;
  /** What changed, by property path: kinds such as `update` or `update-replace`. */
  diff: Record<string, string>;
}

/** A resource as the state holds it. */
export interface StateResource {
  urn: string;
  type: string;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  [field: string]: unknown;
}

/** A project with one stack, `test`. Make it with {@link createProject}; call {@link dispose} in the end. */
export class TestProject {
  private home: string | undefined;

  constructor(
    readonly folder: string,
    private readonly command: PulumiCommand,
    private options: ProjectOptions,
  ) {}

  /** Goes on with other plugins or another program, on the same state. */
  change(options: Partial<ProjectOptions>): void {
    this.options = { ...this.options, ...options };
    if (options.plugins) this.home = undefined;
  }

  /** @returns stack outputs (secrets in the clear) and the steps taken. */
  async up(): Promise<{ outputs: OutputMap; steps: Step[]; stdout: string }> {
    const events = recorder();
    const result = await this.operate((stack) => stack.up({ onEvent: events.record, color: "never" }));
    return { outputs: result.outputs, steps: events.steps("resOutputsEvent"), stdout: result.stdout };
  }

  /** As {@link up}, with no more than `fleet` does for it. */
  async update(): Promise<void> {
    await this.operate((stack) => withoutReport(stack).up({ color: "never" }));
  }

  async preview(): Promise<{ steps: Step[]; changes: PreviewResult["changeSummary"]; stdout: string }> {
    const events = recorder();
    const result = await this.operate((stack) =>
      stack.preview({ onEvent: events.record, diff: true, color: "never" }),
    );
    return { steps: events.steps("resourcePreEvent"), changes: result.changeSummary, stdout: result.stdout };
  }

  async refresh(): Promise<{ steps: Step[]; stdout: string }> {
    const events = recorder();
    const result = await this.operate((stack) => stack.refresh({ onEvent: events.record, color: "never" }));
    return { steps: events.steps("resOutputsEvent"), stdout: result.stdout };
  }

  /** @param target URN of the one resource to destroy; all where not given */
  async destroy(target?: string): Promise<{ steps: Step[]; stdout: string }> {
    const events = recorder();
    const options = { onEvent: events.record, color: "never" as const };
    const targets = target === undefined ? undefined : [target];
    const result = await this.operate((stack) => stack.destroy({ ...options, target: targets }));
    return { steps: events.steps("resOutputsEvent"), stdout: result.stdout };
  }

  /** Any other `pulumi` command on the stack. */
  async pulumi(...args: string[]): Promise<string> {
    const stack = await this.stack(AbortSignal.abort());
    const { stdout } = await run(
      this.command.command,
      [...args, "--stack", stack.name, "--non-interactive"],
      {
        cwd: this.folder,
        env: { ...process.env, ...(await this.environment()) },
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    return stdout;
  }

  /** The state as it lies on disk, secrets encrypted. */
  async stateText(): Promise<string> {
    return await readFile(
      join(this.folder, "state", ".pulumi", "stacks", projectName(this.folder), `${STACK_NAME}.json`),
      "utf8",
    );
  }

  /** The state's resources. @param secrets in the clear, as `{ plaintext }` objects of Pulumi's state format */
  async resources(secrets = false): Promise<StateResource[]> {
    const text = await this.pulumi("stack", "export", ...(secrets ? ["--show-secrets"] : []));
    const state = JSON.parse(text) as { deployment: { resources?: StateResource[] } };
    return state.deployment.resources ?? [];
  }

  /** The state's one resource of this name. */
  async resource(name: string, secrets = false): Promise<StateResource> {
    const found = (await this.resources(secrets)).filter(({ urn }) => urn.endsWith(`::${name}`));
    const [only] = found;
    if (!only || found.length !== 1) throw new Error(`${found.length} resources named ${name} in the state`);
    return only;
  }

  /** Removes the project's folder; does not destroy what the stack made. */
  async dispose(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  private async environment(): Promise<Record<string, string>> {
    this.home ??= await installPlugins(this.folder, this.options.plugins ?? []);
    return {
      PULUMI_HOME: this.home,
      PULUMI_BACKEND_URL: `file://${join(this.folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: PASSPHRASE,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
      ...this.options.env,
    };
  }

  private async operate<Result>(operation: (stack: Stack) => Promise<Result>): Promise<Result> {
    const over = new AbortController();
    // One for each resource of the program.
    setMaxListeners(0, over.signal);
    try {
      return await operation(await this.stack(over.signal));
    } finally {
      over.abort();
    }
  }

  private async stack(over: AbortSignal): Promise<Stack> {
    const providers = Object.entries(this.options.providers ?? {}).map(([name, path]) => ({ name, path }));
    const settings = { name: projectName(this.folder), runtime: "nodejs", plugins: { providers } };
    await writeFile(join(this.folder, "Pulumi.yaml"), JSON.stringify(settings));
    const workspace = await LocalWorkspace.create({
      workDir: this.folder,
      pulumiCommand: this.command,
      program: whole(this.options.program, over),
      envVars: await this.environment(),
    });
    return await Stack.createOrSelect(STACK_NAME, workspace);
  }
}

/** A project in a fresh temporary folder. The engine is looked up once, see {@link engine}. */
export async function createProject(options: ProjectOptions): Promise<TestProject> {
  const folder = await mkdtemp(join(tmpdir(), "fleet-engine-"));
  await mkdir(join(folder, "state"));
  return new TestProject(folder, await engine(), options);
}

let found: Promise<PulumiCommand> | undefined;

/** The engine the tests run on, as the toolchain finds or makes it: the one place that says which. */
export function engine(): Promise<PulumiCommand> {
  found ??= ensureToolchain().then(({ engine: { path } }) =>
    PulumiCommand.get({ root: dirname(dirname(path)), skipVersionCheck: true }),
  );
  return found;
}

export type OfficialName = "random" | "postgresql" | "docker" | "kubernetes";

const version = (name: OfficialName): string =>
  requiredPlugins(PROJECT_DIR).find((plugin) => plugin.name === name)!.version;

/** This project's stand-in for an official plugin. */
export function standIn(name: OfficialName): Plugin {
  const program = join(PROJECT_DIR, "toolchain", "plugins", name, "main.ts");
  return { name, version: version(name), program };
}

/** An official plugin from PATH, or undefined where this machine has none. */
export function official(name: OfficialName): Plugin | undefined {
  const program = findOnPath(`pulumi-resource-${name}`);
  return program ? { name, version: version(name), program } : undefined;
}

/** The engine's own layout: `plugins/resource-NAME-vVERSION/pulumi-resource-NAME` under PULUMI_HOME. */
async function installPlugins(folder: string, plugins: readonly Plugin[]): Promise<string> {
  const home = await mkdtemp(join(folder, "home-"));
  for (const { name, version, program } of plugins) {
    const target = join(home, "plugins", `resource-${name}-v${version}`);
    await mkdir(target, { recursive: true });
    await symlink(await executableOf(program), join(target, `pulumi-resource-${name}`));
  }
  return home;
}

const bundles = new Map<string, Promise<string>>();

/** Path of something to start: TypeScript is bundled once for each test process. */
export function executableOf(program: string): Promise<string> {
  if (!program.endsWith(".ts")) return Promise.resolve(program);
  const made = bundles.get(program) ?? makeExecutable(program);
  bundles.set(program, made);
  return made;
}

async function makeExecutable(program: string): Promise<string> {
  const { text } = await bundle(program, PROJECT_DIR);
  const folder = await mkdtemp(join(tmpdir(), "fleet-plugin-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "plugin.cjs");
  await writeFile(file, text, { mode: 0o755 });
  return file;
}

function projectName(folder: string): string {
  return basename(folder);
}

/**
 * The same program, ended only when the engine has answered for every resource. The SDK keeps silent about a
 * registration that was cut off, and the engine then takes the resource for one that the program gave up: it deletes.
 * @param over aborted when the operation has ended: a program must not outlive it, since what it throws then would
 * reach the next one in this process
 */
function whole(program: PulumiFn, over: AbortSignal): PulumiFn {
  return async () => {
    const resources: pulumi.Resource[] = [];
    pulumi.runtime.registerStackTransformation(({ resource }) => void resources.push(resource));
    const outputs = await program();
    for (const resource of resources) await answered(resource, over);
    return outputs;
  };
}

function answered(resource: pulumi.Resource, over: AbortSignal): Promise<void> {
  const name = `${resource.constructor.name} ${(resource as { __name?: string }).__name ?? ""}`;
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`the engine never answered for ${name}`));
    const timer = setTimeout(late, ANSWER_LIMIT_MS);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    resource.urn.apply(end);
    if (over.aborted) end();
    over.addEventListener("abort", end, { once: true });
  });
}

/** Keeps the engine's step events; steps on providers and the stack itself, and no-ops, are left out. */
function recorder() {
  const events: EngineEvent[] = [];
  return {
    record: (event: EngineEvent) => void events.push(event),
    steps: (kind: "resourcePreEvent" | "resOutputsEvent"): Step[] =>
      events
        .flatMap((event) => event[kind]?.metadata ?? [])
        .filter(({ op, type }) => op !== "same" && !type.startsWith("pulumi:"))
        .map(({ op, urn, detailedDiff }) => ({
          op,
          urn,
          name: urn.split("::").slice(3).join("::"),
          diff: Object.fromEntries(
            Object.entries(detailedDiff ?? {}).map(([path, { diffKind }]) => [path, diffKind]),
          ),
        })),
  };
}
