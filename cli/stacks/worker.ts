/** One stack's operation in a process of its own: what it does and takes ends with it. */
import { operate, type OperateOptions, type StackOperation, type StackResult } from "./operation";

export type WorkerMessage = { say: string } | { result: StackResult };

/** Sends a line for each step, then the result, to the process that started this one. */
export async function main(operation: StackOperation, stack: string, options: string): Promise<void> {
  // A terminal's Ctrl-C reaches the engine, too, which then stops after the steps under way: this process waits for it.
  process.on("SIGINT", () => undefined);
  process.on("disconnect", () => process.exit(1));
  const send = (message: WorkerMessage) =>
    new Promise<void>((resolve) => {
      if (process.send) process.send(message, () => resolve());
      else resolve();
    });
  const result = await operate(
    operation,
    stack,
    JSON.parse(options) as OperateOptions,
    (line) => void send({ say: line.trim() }),
  );
  await send({ result });
  process.exit(0);
}
