/** `fleet graph`: draws stack files; asks neither engine nor processes. */
import * as fs from "node:fs";
import type { FleetSpec } from "../../config/spec";
import { projectDirectory } from "../../toolchain/project";
import { ExitCode, UserError } from "../exit-codes";
import { drawFleet } from "../graph/drawing";
import { mermaidOf } from "../graph/mermaid";
import { svgOf } from "../graph/svg";
import { readSpec } from "../session";
import { isMany, selectStacks, stackEntries, type Selection } from "../stacks/select";

export interface GraphOptions extends Selection {
  stack: string;
  output?: string;
  mermaid?: boolean;
}

/** Draws the stacks, a platform with all its tenants and a tenant with its platform. */
export async function graph(options: GraphOptions): Promise<void> {
  const projectDir = projectDirectory();
  const named = isMany(options)
    ? (await selectStacks(projectDir, options)).stacks.map(({ name }) => name)
    : [options.stack];
  const names = new Set(named);
  for (const { name, platformStack } of stackEntries(projectDir)) {
    const platform = platformStack?.split("/").at(-1);
    if (platform !== undefined && named.includes(platform)) names.add(name);
    if (platform !== undefined && named.includes(name)) names.add(platform);
  }
  const there = new Set(stackEntries(projectDir).map(({ name }) => name));
  const specs: FleetSpec[] = [...names]
    .filter((name) => there.has(name) || named.includes(name))
    .map((name) => readSpec(projectDir, name));
  const drawing = drawFleet(specs);
  const drawn = options.mermaid ? mermaidOf(drawing) : svgOf(drawing);
  if (options.output === undefined) {
    process.stdout.write(drawn);
    return;
  }
  try {
    fs.writeFileSync(options.output, drawn);
  } catch (error) {
    throw new UserError(`${options.output} can't be written: ${(error as Error).message}`, ExitCode.usage);
  }
  console.log(`${options.output}: ${specs.length} stacks`);
}
