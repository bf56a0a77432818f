/** How the supervisor asks the gateway to let go of a process: HTTP on a unix socket in the gateway's folder. */
import { createServer, request, type Server } from "node:http";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hasCode, withSocketAddress } from "../support/files";

export interface DrainRequest {
  readonly service: string;
  /** The process's address, as in the service's endpoints. */
  readonly url: string;
  /** Longest wait for requests under way, ms. */
  readonly limitMs: number;
}

/** The gateway's folder below a stack's root. */
export function gatewayFolder(root: string): string {
  return join(root, "gateway");
}

function socketFile(folder: string): string {
  return join(folder, "control");
}

/** Answers drain requests until the server is closed. `drain` resolves once nothing is under way any more. */
export async function serveControl(
  folder: string,
  drain: (asked: DrainRequest) => Promise<void>,
): Promise<Server> {
  const server = createServer((incoming, response) => {
    let text = "";
    incoming.setEncoding("utf8");
    incoming.on("data", (chunk: string) => (text += chunk));
    incoming.on("end", () => {
      void drain(JSON.parse(text) as DrainRequest).then(
        () => response.end(),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
  });
  server.requestTimeout = 0;
  const file = socketFile(folder);
  // The fleet's port is ours by now, so a socket left here is a dead gateway's.
  rmSync(file, { force: true });
  await withSocketAddress(
    file,
    (address) =>
      new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(address, resolve);
      }),
  );
  chmodSync(file, 0o600);
  return server;
}

/**
 * Waits until the gateway passes nothing on to a process any more: no request is under way, WebSockets are ended. At
 * once where no gateway runs. Throws where it doesn't answer within the limit and a second.
 */
export function drain(root: string, asked: DrainRequest): Promise<void> {
  return withSocketAddress(
    socketFile(gatewayFolder(root)),
    (socketPath) =>
      new Promise<void>((resolve, reject) => {
        const outgoing = request({
          socketPath,
          method: "POST",
          path: "/drain",
          agent: false,
          timeout: asked.limitMs + 1000,
        });
        outgoing.on("response", (response) => {
          response.resume();
          if (response.statusCode === 200) response.on("end", resolve);
          else reject(new Error(`the gateway answered ${response.statusCode ?? 0}`));
        });
        outgoing.on("timeout", () => outgoing.destroy(new Error("the gateway doesn't answer")));
        outgoing.on("error", (error) => {
          const absent = ["ENOENT", "ECONNREFUSED"].some((code) => hasCode(error, code));
          if (absent) resolve();
          else reject(error);
        });
        outgoing.end(JSON.stringify(asked));
      }),
  );
}
