/** The other stacks of a project, whose processes share this machine's ports. */
import * as path from "node:path";
import { hasCode } from "../support/files";
import { neighbourRoots } from "../root";
import type { UnitDefinition } from "../supervisor/protocol";
import { UnitStore } from "../supervisor/store";

/**
 * Ports that a process of another stack was given, each with a sentence that names it. Ports follow from the stack's and
 * the process's name, from 12,768 of them: among 300 tenants with a process each a few pairs are to be expected.
 *
 * @param root this stack's folder; the others' lie beside it
 */
export function portClashes(root: string, ports: readonly number[]): Map<number, string> {
  const clashes = new Map<number, string>();
  for (const other of neighbourRoots(root)) {
    for (const definition of unitsOf(other)) {
      const port = portOf(definition);
      if (port === undefined || !ports.includes(port) || clashes.has(port)) continue;
      const here = path.basename(root);
      clashes.set(
        port,
        `port ${port} is that of ${definition.name} of stack ${path.basename(other)}; in Pulumi.${here}.yaml give this one of stack ${here} another (\`port\`)`,
      );
    }
  }
  return clashes;
}

function unitsOf(root: string): UnitDefinition[] {
  try {
    return new UnitStore(root).load();
  } catch (error) {
    // Another user's: whether a port is free shows when it is taken.
    if (hasCode(error, "EACCES")) return [];
    throw error;
  }
}

function portOf({ health, service }: UnitDefinition): number | undefined {
  if (service) return Number(new URL(service.url).port);
  if (!health) return undefined;
  const { probe } = health;
  return "port" in probe ? probe.port : "url" in probe ? Number(new URL(probe.url).port) : undefined;
}
