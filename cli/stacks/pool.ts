/** The processes that stacks are worked on in. */
import { fork, type ChildProcess } from "node:child_process";
import * as path from "node:path";
import { PROJECT_DIR } from "../../toolchain/locations";
import type { StackResult } from "./operation";
import type { WorkerMessage, WorkerOrder } from "./worker";

/** Longest text kept of what a worker printed, characters: only for one that died without a result. */
const KEPT = 2000;
/** Previews by one process, so that what the SDK keeps of each can't add up. */
const MOST_PREVIEWS = 25;

/** A worker that ended without a result. */
export class WorkerDied extends Error {}

/**
 * Runs each operation in a process apart from all others that run. A preview that went well leaves its process to the
 * next one, which saves loading the program again. Nothing else does: what changes a stack, and what failed, takes its
 * process with it.
 */
export class WorkerPool {
  private readonly idle: Worker[] = [];

  constructor(private readonly projectDir: string) {}

  /**
   * @param say gets a line for each finished step
   * @throws WorkerDied with what it printed last
   */
  async run(order: WorkerOrder, say: (line: string) => void): Promise<StackResult> {
    const preview = order.operation === "preview";
    const worker = (preview ? this.idle.pop() : undefined) ?? new Worker(this.projectDir);
    const result = await worker.run(order, say);
    if (preview && result.ok && worker.runs < MOST_PREVIEWS) this.idle.push(worker);
    else worker.end();
    return result;
  }

  close(): void {
    for (const worker of this.idle.splice(0)) worker.end();
  }
}

class Worker {
  runs = 0;
  private readonly child: ChildProcess;
  private printed = "";

  constructor(projectDir: string) {
    this.child = fork(path.join(PROJECT_DIR, "cli", "stacks", "worker.cjs"), [], {
      cwd: projectDir,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      execArgv: [],
    });
    const keep = (chunk: Buffer) => (this.printed = (this.printed + chunk.toString()).slice(-KEPT));
    this.child.stdout?.on("data", keep);
    this.child.stderr?.on("data", keep);
  }

  run(order: WorkerOrder, say: (line: string) => void): Promise<StackResult> {
    this.runs++;
    this.printed = "";
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        this.child.removeAllListeners();
        finish();
      };
      const die = (why: string) =>
        settle(() => reject(new WorkerDied(`${why}\n${this.printed.trim()}`.trim())));
      this.child.on("message", (message: WorkerMessage) => {
        if ("say" in message) say(message.say);
        else settle(() => resolve(message.result));
      });
      this.child.on("error", (error) => die(`could not be started: ${error.message}`));
      this.child.on("close", (code, ending) =>
        die(`ended without a result (${ending ?? `exit code ${code ?? 0}`})`),
      );
      this.child.send(order, (error) => {
        // One that has died closes, too, and then says why.
        if (error && this.child.exitCode === null && this.child.signalCode === null) die(error.message);
      });
    });
  }

  end(): void {
    this.child.on("error", () => undefined);
    if (this.child.connected) this.child.disconnect();
  }
}
