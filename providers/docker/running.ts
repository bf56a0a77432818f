/** Containers as the daemon sees them now. */
import { copyLog } from "./logs";
import { setTimeout as sleep } from "node:timers/promises";
import { found, type Daemon } from "../../toolchain/plugins/docker/daemon";

const POLL_MS = 250;
/** Restarts by Docker while it is waited for, after which it is given up. */
const RESTART_LIMIT = 3;
const LOG_LINES = 10;

/** The last of what a container said. */
async function lastLines(daemon: Daemon, id: string): Promise<string> {
  const lines: string[] = [];
  await copyLog(daemon.docker.getContainer(id), LOG_LINES, (line) => lines.push(line));
  return lines.map((line) => line.slice(0, 300)).join("\n");
}

/** Ids of those that are there and don't run. Throws where one is gone. */
export async function stoppedOf(daemon: Daemon, ids: readonly string[]): Promise<string[]> {
  const states = await Promise.all(
    ids.map(async (id) => {
      const info = await found(() => daemon.docker.getContainer(id).inspect());
      if (!info) {
        throw new Error(
          `A container of this stack is gone from ${daemon.address} (${id.slice(0, 12)}). ` +
            "`fleet up` makes it anew; with plain pulumi, run `pulumi refresh` first.",
        );
      }
      return { id, runs: info.State.Running };
    }),
  );
  return states.flatMap(({ id, runs }) => (runs ? [] : [id]));
}

/** Starts those that don't run and waits until all with a health check are healthy. */
export async function bringUp(
  daemon: Daemon,
  ids: readonly string[],
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  for (const id of await stoppedOf(daemon, ids)) await daemon.docker.getContainer(id).start();
  const limit = Date.now() + timeoutMs;
  for (const id of ids) {
    const before = (await daemon.docker.getContainer(id).inspect()).RestartCount;
    for (;;) {
      const { State, Name, RestartCount } = await daemon.docker.getContainer(id).inspect();
      if (RestartCount - before >= RESTART_LIMIT) {
        const said = await lastLines(daemon, id);
        throw new Error(
          `${Name.slice(1)} ends as soon as it was started (exit code ${State.ExitCode}):\n${said}`,
        );
      }
      if (State.Running && (State.Health === undefined || State.Health.Status === "healthy")) break;
      if (Date.now() > limit) {
        const [last] = State.Health?.Log.slice(-1) ?? [];
        throw new Error(
          `${Name.slice(1)} is not healthy within ${timeoutMs / 1000} s (${State.Health?.Status ?? State.Status}` +
            `${last ? `: ${last.Output.trim().slice(0, 200)}` : ""}); see: fleet logs`,
        );
      }
      await sleep(POLL_MS, undefined, { signal });
    }
  }
}
