/**
 * Locks between processes of this machine. The holder listens on a socket in Linux's abstract namespace: taking it
 * is atomic and the kernel frees it when the holder dies, so there are no stale locks to judge.
 */
import { createHash } from "node:crypto";
import * as net from "node:net";
import { hasCode } from "./files";

export interface Lock {
  release(): Promise<void>;
}

/** Takes the lock of this name for the life of this process or until released (any text, e.g. a folder); gives undefined where another process holds it. */
export function tryLock(name: string): Promise<Lock | undefined> {
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 40);
  const address = `\0nocobase-fleet-${process.getuid?.() ?? 0}-${digest}`;
  const server = net.createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      if (hasCode(error, "EADDRINUSE")) resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => {
      // A lock never keeps its holder alive.
      server.unref();
      resolve({ release: () => new Promise((done) => server.close(() => done())) });
    });
  });
}
