/** Who listens on a TCP port of this machine. */
import * as fs from "node:fs";
import * as net from "node:net";
import { hasCode } from "./files";
import { allPids, commandOf } from "./processes";

/** The process that listens on a port. */
export interface PortHolder {
  pid: number;
  command: string;
}

/** False where something listens on this address already. Other errors (e.g. a port below 1024 without rights) are thrown. */
export function isPortFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once("error", (error) => {
      if (hasCode(error, "EADDRINUSE")) resolve(false);
      else reject(error);
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The listener of a port, as far as /proc lets this user see it. */
export function findPortHolder(port: number): PortHolder | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  for (const pid of allPids()) {
    let descriptors: string[];
    try {
      descriptors = fs.readdirSync(`/proc/${pid}/fd`);
    } catch {
      continue;
    }
    for (const descriptor of descriptors) {
      let target: string;
      try {
        target = fs.readlinkSync(`/proc/${pid}/fd/${descriptor}`);
      } catch {
        continue;
      }
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined && inodes.has(inode)) return { pid, command: commandOf(pid) ?? "?" };
    }
  }
  return undefined;
}

function listeningInodes(port: number): Set<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    let text: string;
    try {
      text = fs.readFileSync(table, "utf8");
    } catch {
      continue;
    }
    for (const line of text.split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      // local_address is field 1, state field 3 (0A: LISTEN), inode field 9.
      if (fields[3] === "0A" && fields[1]?.endsWith(`:${wanted}`) && fields[9] !== undefined)
        inodes.add(fields[9]);
    }
  }
  return inodes;
}

/** Throws an error that names the port, its holder and the setting to change, where the port is taken. */
export async function assertPortFree(
  host: string,
  port: number,
  owner: string,
  setting: string,
): Promise<void> {
  if (await isPortFree(host, port)) return;
  const holder = findPortHolder(port);
  const who = holder ? `process ${holder.pid} (${holder.command.slice(0, 120)})` : "another process";
  throw new Error(
    `Port ${port} on ${host}, wanted by ${owner}, is in use by ${who}. ` +
      `End that process, or choose another port: ${setting}.`,
  );
}
