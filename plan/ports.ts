import { createHash } from "node:crypto";
import { replicaName } from "./names";

/** Derived ports lie below Linux's ephemeral range (32768–60999), where a client's own port could sit on one. */
export const derivedPorts = { first: 20000, last: 32767 } as const;

/** Port of a process that has an address of its own, as in a pod: no other process can take it. */
export const podPort = 13000;

/**
 * Ports of an instance's replicas. A given port is the first one's and those after it the others'; derived ones follow
 * from each replica's own name. Either way a replica keeps its port however many there are.
 */
export function replicaPorts(
  stack: string,
  instance: string,
  replicas: number,
  given: number | undefined,
): number[] {
  return Array.from({ length: replicas }, (_, index) =>
    given === undefined ? derivedPort(stack, replicaName(instance, index + 1)) : given + index,
  );
}

/** The port of a process that names none: from the stack and the process's name alone, so no other process moves it. */
export function derivedPort(stack: string, name: string): number {
  const span = derivedPorts.last - derivedPorts.first + 1;
  return (
    derivedPorts.first + (createHash("sha256").update(`${stack}\0${name}`).digest().readUInt32BE(0) % span)
  );
}
