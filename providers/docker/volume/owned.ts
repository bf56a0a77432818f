import { found, type Daemon } from "../../../toolchain/plugins/docker/daemon";
import { STACK_LABEL } from "../labels";

/** `<project>/<stack>` of a URN (urn:pulumi:<stack>::<project>::…). */
export { stackOf } from "../../local/files/owner";

/**
 * Makes sure that a volume is there and belongs to one of these stacks: the daemon makes a missing one at the first
 * mention, and hands out anybody's as if it were new.
 *
 * @throws Error naming the volume and whose it is
 */
export async function assertOurs(daemon: Daemon, volume: string, stacks: readonly string[]): Promise<void> {
  const info = await found(() => daemon.docker.getVolume(volume).inspect());
  if (!info)
    throw new Error(
      `The volume ${volume} is not on ${daemon.address}. Run \`fleet refresh\`, then this again.`,
    );
  const owner = (info.Labels as Record<string, string> | null)?.[STACK_LABEL];
  if (owner !== undefined && stacks.includes(owner)) return;
  throw new Error(
    `The volume ${volume} on ${daemon.address} is not this stack's (${owner === undefined ? "it has no owner's label" : `it belongs to ${owner}`}). ` +
      "It is never taken over: rename it or remove it, then run this again.",
  );
}
