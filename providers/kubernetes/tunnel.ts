/** A loopback address of this process that leads to an instance in a cluster, as `kubectl port-forward` makes one. */
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import { connect, type InstanceAddress } from "./instance-pods";

const tunnels = new Map<string, Promise<string>>();

/**
 * `http://127.0.0.1:port` that stays while this process does. Each connection goes to a pod of that moment, so an
 * instance may be started anew meanwhile.
 */
export function tunnelTo(address: InstanceAddress): Promise<string> {
  const key = `${address.context ?? ""}/${address.namespace}`;
  const known = tunnels.get(key);
  if (known) return known;
  const opened = open(address);
  tunnels.set(key, opened);
  return opened;
}

function open(address: InstanceAddress): Promise<string> {
  const server = createServer((socket) => void pass(socket, address));
  server.unref();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

async function pass(socket: Socket, address: InstanceAddress): Promise<void> {
  socket.on("error", () => undefined);
  try {
    const inside = await connect(address);
    // Whatever breaks one side ends the other: the client sees a broken connection, and tries again.
    pipeline(socket, inside, socket, () => socket.destroy());
  } catch {
    socket.destroy();
  }
}
