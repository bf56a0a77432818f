/** Operations on stacks in a process of its own: what they do and take ends with it. */
import * as settings from "@pulumi/pulumi/runtime/settings";
import { operate, type OperateOptions, type StackOperation, type StackResult } from "./operation";

/** What the process that started this one asks for. */
export interface WorkerOrder {
  operation: StackOperation;
  stack: string;
  options: OperateOptions;
}

export type WorkerMessage = { say: string } | { result: StackResult };

/**
 * The SDK's gRPC clients share connections by address; here engines come and go, and a new one may listen on a port whose
 * last connection has just broken.
 */
const { grpcClientOptions } = settings as unknown as { grpcClientOptions: Record<string, unknown> };
grpcClientOptions["grpc.use_local_subchannel_pool"] = 1;

/** Answers each order with a line for each step, then the result. Ends with the process that started it. */
export function main(): void {
  // A terminal's Ctrl-C reaches the engine, too, which then stops after the steps under way: this process waits for it.
  process.on("SIGINT", () => undefined);
  process.on("disconnect", () => process.exit(1));
  const send = (message: WorkerMessage) => void process.send?.(message);
  process.on("message", ({ operation, stack, options }: WorkerOrder) => {
    void operate(operation, stack, options, (line) => send({ say: line.trim() })).then((result) =>
      send({ result }),
    );
  });
}
