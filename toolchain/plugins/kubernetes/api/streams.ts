/** Connections into pods, through the API server: ports and programs, as `kubectl port-forward` and `kubectl exec`. */
import { Duplex, PassThrough } from "node:stream";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { Exec } from "@kubernetes/client-node/dist/exec.js";
import { PortForward } from "@kubernetes/client-node/dist/portforward.js";

export interface PodReference {
  readonly namespace: string;
  readonly name: string;
}

/** What is used of the client's web socket. */
interface Socket {
  onclose: (() => void) | null;
  onerror: ((event: { message?: string }) => void) | null;
  close(): void;
}

/**
 * A connection to a port of a pod; ends when either side does.
 * @throws Error where the API server refuses; a port that nobody listens on ends the connection with an error
 */
export async function forward(config: KubeConfig, pod: PodReference, port: number): Promise<Duplex> {
  const [toPod, fromPod, problems] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const opened = new PortForward(config).portForward(
    pod.namespace,
    pod.name,
    [port],
    fromPod,
    problems,
    toPod,
  );
  const socket = (await opened.catch(refused(pod))) as Socket;
  const connection = Duplex.from({ writable: toPod, readable: fromPod });
  socket.onclose = () => fromPod.end();
  socket.onerror = ({ message }) => connection.destroy(new Error(message ?? "the connection broke"));
  problems.once("data", (text: Buffer) => connection.destroy(new Error(text.toString().trim())));
  connection.once("close", () => socket.close());
  return connection;
}

export interface Execution {
  /** Exit code of the program. */
  readonly code: number;
  /** What it wrote to both its outputs, without blanks at the ends. */
  readonly output: string;
}

/**
 * Runs a program in a pod's container.
 * @param input what the program reads, which must know by itself where it ends: not every cluster passes an end on
 * @throws Error where the API server refuses or the connection breaks
 */
export async function execute(
  config: KubeConfig,
  pod: PodReference & { readonly container: string },
  command: readonly string[],
  { input, signal }: { input: string | Buffer; signal?: AbortSignal },
): Promise<Execution> {
  const texts: Buffer[] = [];
  const output = new PassThrough();
  output.on("data", (text: Buffer) => texts.push(text));
  const reader = new PassThrough();
  reader.write(input);
  const status = new Promise<{ status?: string; details?: object; message?: string }>((resolve, reject) => {
    new Exec(config)
      .exec(pod.namespace, pod.name, pod.container, [...command], output, output, reader, false, resolve)
      .then((opened) => {
        const socket = opened as Socket;
        socket.onclose = () => reject(new Error(`the connection to pod ${pod.name} broke`));
        signal?.addEventListener("abort", () => socket.close(), { once: true });
      }, reject);
  });
  const ended = await status.catch(refused(pod));
  signal?.throwIfAborted();
  return { code: exitCode(ended), output: Buffer.concat(texts).toString().trim() };
}

/** A status of success says no code; one of failure has it among its causes (Kubernetes' remotecommand protocol). */
function exitCode({ status, details, message }: { status?: string; details?: object; message?: string }) {
  if (status === "Success") return 0;
  const { causes = [] } = (details ?? {}) as { causes?: { reason?: string; message?: string }[] };
  const code = causes.find(({ reason }) => reason === "ExitCode")?.message;
  if (code === undefined) throw new Error(message ?? "the program could not be run");
  return Number(code);
}

function refused(pod: PodReference): (error: unknown) => never {
  return (error) => {
    const { message = String(error) } = error as { message?: string };
    const isForbidden = /\b(401|403)\b/.test(message);
    const advice = isForbidden
      ? ". The deployer's role needs `create` and `get` of pods/exec and pods/portforward"
      : "";
    throw new Error(
      `Pod ${pod.name} in namespace ${pod.namespace} can't be reached through the API server: ${message}${advice}.`,
    );
  };
}
