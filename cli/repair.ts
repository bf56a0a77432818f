/** What an unchanged plan would not notice: containers that were removed or stopped behind the engine's back. */
import type { Stack } from "@pulumi/pulumi/automation";
import type { Operations } from "../platforms/operations";
import { refreshResources, type StateResource } from "./pending";
import type { EngineAccess } from "./platform";

/**
 * Lets the state forget what is gone, so that the update makes it anew, and starts what was stopped, since the update
 * has to talk to it. Says what can't be started and goes on: the update may be what mends it.
 */
export async function repair(
  stack: Stack,
  engine: EngineAccess,
  operations: Operations,
  resources: readonly StateResource[],
): Promise<void> {
  const drift = await operations.drift?.(resources);
  if (!drift) return;
  const { lost, stopped } = drift;
  if (lost.length > 0) {
    const names = lost.map((urn) => urn.split("::").pop() ?? urn).join(", ");
    console.log(`Gone from the platform, to be made anew: ${names}.`);
    await refreshResources({ stack, ...engine }, lost, "the state can't take over what is gone");
  }
  if (stopped.length === 0) return;
  console.log(`Starting ${stopped.join(", ")} first, since the engine has to talk to them.`);
  try {
    await operations.start(stopped, (line) => console.log(`  ${line}`));
  } catch (error) {
    console.error(`  ${error instanceof Error ? error.message : String(error)}`);
  }
}
