/** A part of this machine with a network, mounts and processes of its own: for what must leave no trace on the rest. */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findOnPath } from "../../toolchain/process";

const DOORS = join(__dirname, "sandbox-doors.cjs");
const LOOPBACK = "127.0.0.1";

/** There can be none on this machine; the message says why. */
export class NoSandbox extends Error {}

/** Lines of bash that are run as the sandbox's root. */
export interface SandboxScripts {
  /** Makes of the bare sandbox what is wanted. */
  readonly setup: readonly string[];
  /** Takes away what would stay on the machine; all other processes of the sandbox have been killed by then. */
  readonly cleanup: readonly string[];
}

/**
 * Make it with {@link Sandbox.start}; call {@link stop} in the end. When this process ends without, by whatever signal,
 * the sandbox ends as well.
 */
export class Sandbox {
  private doors: ChildProcess | undefined;

  private constructor(
    private readonly holder: ChildProcess,
    /** Of the sandbox's first process, as the machine numbers it. */
    private readonly pid: number,
  ) {}

  /** @throws NoSandbox where this machine or user can't have one */
  static async start({ setup, cleanup }: SandboxScripts): Promise<Sandbox> {
    if (process.platform !== "linux") throw new NoSandbox("only Linux has network namespaces");
    if (userInfo().uid !== 0) throw new NoSandbox("only root makes network and mount namespaces");
    const missing = ["unshare", "nsenter", "ip", "bash"].filter((name) => !findOnPath(name, sbinPath()));
    if (missing.length > 0) throw new NoSandbox(`not on PATH: ${missing.join(", ")}`);
    const ending = ["ending() {", "set +e", "kill -KILL -1", ...cleanup, "}"];
    const script = [...ending, "trap ending EXIT", "set -e", ...setup, "echo ready", "read -r"];
    const kinds = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const args = [...kinds, "--propagation=private", "bash", "-c", script.join("\n")];
    // The pipe of its input breaks when this process ends, and then it tidies up.
    const holder = spawn("unshare", args, {
      stdio: "pipe",
      detached: true,
      env: { ...process.env, PATH: sbinPath() },
    });
    const errors: Buffer[] = [];
    holder.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
    const ready = createInterface({ input: holder.stdout })[Symbol.asyncIterator]();
    if ((await ready.next()).value !== "ready") {
      throw new NoSandbox(`no namespaces here: ${Buffer.concat(errors).toString().trim()}`);
    }
    const children = readFileSync(`/proc/${holder.pid!}/task/${holder.pid!}/children`, "utf8");
    return new Sandbox(holder, Number(children.trim()));
  }

  /** Starts a program in the sandbox's network, otherwise an ordinary process of this machine. */
  spawn(
    program: string,
    args: readonly string[],
    { uid, gid, ...options }: SpawnOptions & { uid?: number; gid?: number } = {},
  ): ChildProcess {
    const user = [...flag("--setuid", uid), ...flag("--setgid", gid)];
    return spawn("nsenter", [`--target=${this.pid}`, "--net", ...user, program, ...args], options);
  }

  /** Starts a program that sees the sandbox's network, mounts and processes only; it ends with the sandbox. */
  spawnInside(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const kinds = ["--net", "--mount", "--pid"];
    const env = { ...(options.env ?? process.env), PATH: sbinPath() };
    return spawn("nsenter", [`--target=${this.pid}`, ...kinds, program, ...args], { ...options, env });
  }

  /** Has a port of this machine's loopback lead to an address in the sandbox. */
  async open(port: number, target: { host?: string; port?: number } = {}): Promise<void> {
    this.doors ??= this.spawn(process.execPath, [DOORS], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const server = createServer({ pauseOnConnect: true });
    server.listen(port, LOOPBACK);
    await once(server, "listening");
    const isOpen = once(this.doors, "message");
    this.doors.send({ host: LOOPBACK, port, ...target }, server);
    await isOpen;
    server.close();
  }

  /** Ends every process in it, then removes what they left. */
  async stop(): Promise<void> {
    this.doors?.disconnect();
    this.doors = undefined;
    if (this.holder.exitCode !== null || this.holder.signalCode !== null) return;
    const ended = once(this.holder, "exit");
    this.holder.stdin?.end();
    await ended;
  }
}

/** Where an ordinary user's PATH lacks the administrator's programs. */
export function sbinPath(): string {
  return [process.env.PATH ?? "", "/usr/local/sbin", "/usr/sbin", "/sbin"].join(":");
}

function flag(name: string, value: number | undefined): string[] {
  return value === undefined ? [] : [`${name}=${value}`];
}
