/** Whether the ports that a fleet wants are there to be had. */
import { findPortHolder, isPortFree } from "../../providers/local/support/ports";
import type { Finding } from "./checks";

export interface WantedPort {
  /** The part of the fleet that listens on it. */
  name: string;
  host: string;
  port: number;
}

/** A finding for each port that somebody else holds, or one for all. @param ours names of parts that run already */
export async function checkWanted(
  wanted: readonly WantedPort[],
  ours: ReadonlySet<string>,
): Promise<Finding[]> {
  const findings = await Promise.all(
    wanted.map(async ({ name, host, port }): Promise<Finding[]> => {
      if (ours.has(name) || (await isPortFree(host, port))) return [];
      const holder = findPortHolder(port);
      const who = holder ? `process ${holder.pid} (${holder.command})` : "another process";
      const fix = `stop it, or give ${name} another port in the stack file`;
      return [{ check: `port ${port}`, result: "fail", found: `${name} needs it, ${who} holds it`, fix }];
    }),
  );
  const taken = findings.flat();
  if (taken.length > 0) return taken;
  return [{ check: "ports", result: "ok", found: `${wanted.length} free or our own` }];
}
