import { createHash } from "node:crypto";

/** Derived ports lie below Linux's ephemeral range (32768–60999), where a client's own port could sit on one. */
export const derivedPorts = { first: 20000, last: 32767 } as const;

/** The port of a process that names none: from the stack and the process's name alone, so no other process moves it. */
export function derivedPort(stack: string, name: string): number {
  const span = derivedPorts.last - derivedPorts.first + 1;
  return (
    derivedPorts.first + (createHash("sha256").update(`${stack}\0${name}`).digest().readUInt32BE(0) % span)
  );
}
