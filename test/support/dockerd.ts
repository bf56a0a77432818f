/** A real Docker daemon for tests: the machine's own where it answers, else one of the tests' own. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import Docker from "dockerode";
import { installPackages } from "./apt";

const run = promisify(execFile);

const MACHINE_SOCKET = "/var/run/docker.sock";
const START_LIMIT_MS = 60_000;

/** From the daemon's own choice to what works in the narrowest sandbox. */
const OPTIONS: readonly (readonly string[])[] = [
  [],
  ["--storage-driver=vfs"],
  ["--storage-driver=vfs", "--iptables=false", "--ip6tables=false"],
];

/** No daemon can be had on this machine; the message says why. */
export class NoDocker extends Error {}

export class TestDocker {
  private constructor(
    readonly docker: Docker,
    /** As DOCKER_HOST has it. */
    readonly host: string,
    private readonly own?: { process: ChildProcess; folder: string; options: readonly string[] },
  ) {}

  /** False where it could not be given the right to keep networks apart. */
  get isolatesNetworks(): boolean {
    return this.own?.options.includes("--iptables=false") !== true;
  }

  /** @throws NoDocker where there is none and none can be started */
  static async start(): Promise<TestDocker> {
    const given = process.env.DOCKER_HOST ?? `unix://${MACHINE_SOCKET}`;
    const machine = given.startsWith("unix://")
      ? new Docker({ socketPath: given.slice("unix://".length) })
      : new Docker();
    if (await answers(machine)) return new TestDocker(machine, given);
    if (process.platform !== "linux" || userInfo().uid !== 0) {
      throw new NoDocker(`no Docker daemon answers at ${given}, and only root can start one`);
    }
    const program = findDockerd() ?? (await install());
    const failures: string[] = [];
    for (const options of OPTIONS) {
      const started = await startDaemon(program, options);
      if (started instanceof TestDocker) return started;
      failures.push(started);
    }
    throw new NoDocker(`${program} does not start here: ${failures[0] ?? ""}`);
  }

  static adopt(
    docker: Docker,
    host: string,
    own: { process: ChildProcess; folder: string; options: readonly string[] },
  ): TestDocker {
    return new TestDocker(docker, host, own);
  }

  /** Ends a daemon of the tests' own, its containers first; leaves the machine's alone. */
  async stop(): Promise<void> {
    if (!this.own) return;
    for (const { Id } of await this.docker.listContainers({ all: true })) {
      await this.docker
        .getContainer(Id)
        .remove({ force: true, v: true })
        .catch(() => undefined);
    }
    await end(this.own.process, this.own.folder);
  }

  /** A small image with a shell and a few programs of this machine, made without any registry. */
  async smallImage(name: string): Promise<string> {
    const programs = [
      "/bin/sh",
      "/bin/sleep",
      "/bin/cat",
      "/bin/ls",
      "/usr/bin/id",
      "/bin/true",
      "/bin/false",
    ];
    const linked = await Promise.all(programs.map(async (program) => (await run("ldd", [program])).stdout));
    const libraries = linked.flatMap((text) => text.match(/\/[^\s)]+/g) ?? []);
    const files = [...new Set([...programs, ...libraries])];
    const tar = spawn("tar", ["--create", "--dereference", "--absolute-names", ...files], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const stream = await this.docker.importImage(tar.stdout, { repo: name, tag: "latest" });
    await new Promise<void>((resolve, reject) =>
      this.docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve())),
    );
    return `${name}:latest`;
  }
}

async function answers(docker: Docker): Promise<boolean> {
  return await docker.ping().then(
    () => true,
    () => false,
  );
}

function findDockerd(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/usr/local/sbin", "/usr/bin"];
  return folders.map((folder) => join(folder, "dockerd")).find((file) => existsSync(file));
}

async function install(): Promise<string> {
  const refused = await installPackages("docker.io");
  if (refused !== undefined) throw new NoDocker(`no dockerd on this machine, and ${refused}`);
  const program = findDockerd();
  if (!program) throw new NoDocker("docker.io is installed, but has no dockerd");
  return program;
}

/** @returns the daemon, or the last line of its log where it ended */
async function startDaemon(program: string, options: readonly string[]): Promise<TestDocker | string> {
  const folder = await mkdtemp(join(tmpdir(), "fleet-docker-"));
  const socketPath = join(folder, "sock");
  const log = join(folder, "log");
  const folders = ["data", "exec"].map((name) => `--${name}-root=${join(folder, name)}`);
  const own = [...folders, `--pidfile=${join(folder, "pid")}`, `--host=unix://${socketPath}`];
  const child = spawn(program, [...own, ...options], { stdio: ["ignore", "pipe", "pipe"] });
  const file = createWriteStream(log);
  child.stdout.pipe(file);
  child.stderr.pipe(file);
  const docker = new Docker({ socketPath });
  const limit = Date.now() + START_LIMIT_MS;
  while (child.exitCode === null && child.signalCode === null && Date.now() < limit) {
    if (await answers(docker)) {
      return TestDocker.adopt(docker, `unix://${socketPath}`, { process: child, folder, options });
    }
    await sleep(100);
  }
  const lines = (await readFile(log, "utf8")).trim().split("\n");
  await end(child, folder);
  return lines.at(-1) ?? "it said nothing";
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
