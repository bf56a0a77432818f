/** Waits until a container runs, and is healthy where that was asked for. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Container } from "dockerode";
import type { Context, Props } from "../../../../providers/kit/types";
import { knownNumber } from "../state";
import type { Inspected } from "./inspected";
import { confidential } from "./uploads";

const POLL_MS = 200;
/** A program that ends within this time after its start has not been started with success. */
const STEADY_MS = 300;
const LOG_LINES = 15;

export async function inspectContainer(container: Container): Promise<Inspected> {
  return (await container.inspect()) as unknown as Inspected;
}

/** Not healthy in time: the container is there and its state is worth keeping. */
export class Unhealthy extends Error {}

/**
 * @returns the container as it runs
 * @throws Error with the end of its output where it ended at once; {@link Unhealthy} where its health check never
 * succeeded within `waitTimeout`
 */
export async function settledContainer(
  container: Container,
  planned: Props,
  context: Context,
): Promise<Inspected> {
  let info = await inspectContainer(container);
  if (planned.start !== true) return info;
  const steady = Date.parse(info.State.StartedAt) + STEADY_MS;
  while (planned.mustRun === true && info.State.Running && Date.now() < steady) {
    await sleep(POLL_MS, undefined, { signal: context.signal });
    info = await inspectContainer(container);
  }
  if (planned.mustRun === true && !info.State.Running) throw await endedAtOnce(container, info, planned);
  return planned.wait === true ? await healthy(container, info, planned, context) : info;
}

async function healthy(
  container: Container,
  first: Inspected,
  planned: Props,
  context: Context,
): Promise<Inspected> {
  const name = String(planned.name);
  const limit = knownNumber(planned, "waitTimeout") ?? 60;
  const end = Date.now() + limit * 1000;
  for (let info = first; ; info = await inspectContainer(container)) {
    const health = info.State.Health;
    if (!health) {
      throw new Error(`The container ${name} is to be waited for (wait), but it has no healthcheck.`);
    }
    if (health.Status === "healthy") return info;
    if (!info.State.Running && planned.mustRun === true) throw await endedAtOnce(container, info, planned);
    if (Date.now() > end) {
      const last = health.Log?.at(-1)?.Output?.trim();
      throw new Unhealthy(
        `The container ${name} was not healthy within ${limit} s (waitTimeout). It runs on: look at ` +
          `\`docker logs ${name}\`.${last ? ` Its health check says: ${redacted(last, planned)}` : ""}`,
      );
    }
    context.status(`waiting until it is healthy: ${health.Status}`);
    await sleep(POLL_MS, undefined, { signal: context.signal });
  }
}

async function endedAtOnce(container: Container, info: Inspected, planned: Props): Promise<Error> {
  const output = await container.logs({ stdout: true, stderr: true, tail: LOG_LINES });
  const text = redacted(plainLog(output, info.Config.Tty ?? false), planned);
  return new Error(
    `The container ${String(planned.name)} ended at once with exit code ${info.State.ExitCode}` +
      `${info.State.Error ? ` (${info.State.Error})` : ""}. ` +
      (text === "" ? "It wrote nothing." : `Its last lines:\n${text}`),
  );
}

/** Without a terminal the daemon puts a header of eight bytes before each piece: stream, and length at its end. */
function plainLog(log: Buffer, isTerminal: boolean): string {
  if (isTerminal) return log.toString().trim();
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= log.length;) {
    const length = log.readUInt32BE(at + 4);
    pieces.push(log.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces).toString().trim();
}

function redacted(text: string, planned: Props): string {
  return confidential(planned).reduce((rest, value) => rest.replaceAll(value, "[secret]"), text);
}
