/** Brings an instance's processes in line with what is declared, one after the other where requests depend on it. */
import * as os from "node:os";
import type { Context } from "../../kit/types";
import { bringUp, defineUnit, findReplicas, isInForce, removeUnit, type WantedUnit } from "../handlers/units";
import type { UnitStatus } from "../supervisor/protocol";
import { replicasOf, type InstanceInputs, type Replica } from "./inputs";
import { instanceUnit, START_LIMIT_MS } from "./unit";

function bringUpReplica(
  root: string,
  inputs: InstanceInputs,
  replica: Replica,
  context: Context,
): Promise<void> {
  const further = replica.number > 1 ? "; its replicas take the ports after it" : "";
  return bringUp(root, {
    context,
    wanted: instanceUnit(root, inputs, replica),
    listens: {
      host: inputs.host,
      port: replica.port,
      setting: `the \`port\` of ${inputs.key} in the stack file${further}`,
    },
    timeoutMs: START_LIMIT_MS,
  });
}

/**
 * Brings the first replica up, alone where it must not meet another one: another release changes the database, and
 * ports that move may be the other replicas' still.
 */
export async function bringUpFirst(
  root: string,
  inputs: InstanceInputs,
  olds: InstanceInputs | undefined,
  context: Context,
): Promise<void> {
  const alone = olds && (olds.release !== inputs.release || olds.port !== inputs.port);
  if (alone) await removeOthers(root, inputs, [], context);
  const [first] = replicasOf(inputs);
  if (first) await bringUpReplica(root, inputs, first, context);
}

/**
 * Brings the other replicas up once the first one serves. One that runs is restarted only while the rest serve; new
 * ones start side by side. Replicas that are one too many are drained and removed at last.
 */
export async function bringUpOthers(root: string, inputs: InstanceInputs, context: Context): Promise<void> {
  const live = new Map((await findReplicas(root, inputs.name)).map((unit) => [unit.definition.name, unit]));
  const others = replicasOf(inputs).slice(1);
  const fresh: Replica[] = [];
  for (const replica of others) {
    if (live.get(replica.name)?.pid === undefined) fresh.push(replica);
    else await bringUpReplica(root, inputs, replica, context);
  }
  const atOnce = os.availableParallelism();
  for (let index = 0; index < fresh.length; index += atOnce) {
    const batch = fresh.slice(index, index + atOnce);
    await Promise.all(batch.map((replica) => bringUpReplica(root, inputs, replica, context)));
  }
  await removeOthers(root, inputs, others, context);
}

async function removeOthers(
  root: string,
  inputs: InstanceInputs,
  kept: readonly Replica[],
  context: Context,
): Promise<void> {
  const names = new Set([inputs.name, ...kept.map(({ name }) => name)]);
  const superfluous = (await findReplicas(root, inputs.name)).filter(
    ({ definition }) => !names.has(definition.name),
  );
  for (const { definition } of superfluous.reverse()) {
    context.status(`${definition.name}: finishing its requests and stopping`);
    await removeUnit(root, definition.name);
  }
}

/** Stops and forgets every replica, the first one last. */
export async function removeReplicas(root: string, instance: string): Promise<void> {
  for (const { definition } of (await findReplicas(root, instance)).reverse())
    await removeUnit(root, definition.name);
}

/** True where exactly the declared replicas run, with these settings (or none does, where the instance is stopped). */
export async function areInForce(root: string, inputs: InstanceInputs): Promise<boolean> {
  const live = new Map((await findReplicas(root, inputs.name)).map((unit) => [unit.definition.name, unit]));
  const wanted: WantedUnit[] = replicasOf(inputs).map((replica) => instanceUnit(root, inputs, replica));
  if (live.size !== wanted.length) return false;
  return wanted.every((unit) => isInForce(live.get(unit.name), defineUnit(root, unit)));
}

/** True where every known replica runs as it should. */
export function allRun(replicas: readonly UnitStatus[]): boolean {
  return replicas.length > 0 && replicas.every((unit) => unit.supervised && unit.state.phase === "running");
}
