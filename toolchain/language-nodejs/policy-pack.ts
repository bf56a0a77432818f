/** Runs a policy pack in a Node.js process of its own. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import * as path from "node:path";
import * as grpc from "@grpc/grpc-js";
import { RunPluginResponse, type RunPluginRequest } from "@pulumi/pulumi/proto/language_pb";
import { locateRunner } from "./program";

/** What the engine calls the plugin kind of a policy pack. */
const ANALYZER = "analyzer";

type Call = grpc.ServerWritableStream<RunPluginRequest, RunPluginResponse>;

/**
 * Passes on what the pack prints until it ends or the engine gives it up. Its working folder is the pack's own, as under
 * the official host; other than there it isn't told the stack's configuration.
 */
export function runPolicyPack(call: Call): void {
  const { request } = call;
  const fail = (code: grpc.status, details: string): void => {
    call.emit("error", { code, details });
  };
  if (request.getKind() !== ANALYZER) {
    const what = `a plugin of kind ${request.getKind() || "unknown"}`;
    fail(
      grpc.status.UNIMPLEMENTED,
      `The project's own language host runs programs and policy packs only, not ${what}. Install the official Pulumi CLI for this.`,
    );
    return;
  }
  const folder = request.getInfo()?.getProgramDirectory() ?? request.getProgram();
  let args: string[];
  try {
    args = startOf(folder, request.getArgsList());
  } catch (error) {
    fail(grpc.status.UNKNOWN, (error as Error).message);
    return;
  }
  const given = Object.fromEntries(
    request.getEnvList().map((pair) => {
      const equals = pair.indexOf("=");
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...given },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const send = (fill: (response: RunPluginResponse) => void): void => {
    const response = new RunPluginResponse();
    fill(response);
    call.write(response);
  };
  child.stdout.on("data", (chunk: Buffer) => send((response) => response.setStdout(chunk)));
  child.stderr.on("data", (chunk: Buffer) => send((response) => response.setStderr(chunk)));
  call.once("cancelled", () => child.kill("SIGTERM"));
  child.once("error", (error) =>
    fail(grpc.status.UNKNOWN, `The policy pack can't be started: ${error.message}`),
  );
  child.once("close", (code) => {
    send((response) => response.setExitcode(code ?? 1));
    call.end();
  });
}

/** The SDK's runner first loads a compiler, three quarters of a second: a pack in JavaScript is started without it. */
function startOf(folder: string, args: readonly string[]): string[] {
  const main = createRequire(path.join(folder, "package.json")).resolve(folder);
  if (/\.c?js$/.test(main)) return [main, ...args];
  return [locateRunner(folder, "run-policy-pack"), ...args, folder];
}
