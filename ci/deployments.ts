/**
 * `npm run ci:deployments [-- BASE]`: which stacks are to be deployed, as a job matrix for GitHub Actions: one job for each
 * platform stack, with the tenants that stand on it. Without BASE all of them.
 */
import { appendFileSync } from "node:fs";
import { selectStacks, stackEntries, type StackEntry } from "../cli/stacks/select";
import { projectDirectory } from "../toolchain/project";

export interface Deployment {
  /** The platform stack: also the GitHub environment, and what only one run at a time may work on. */
  platform: string;
  /** For `fleet up --stacks`. */
  stacks: string;
}

/** Groups stacks by the platform they stand on. */
export function deploymentsOf(stacks: readonly StackEntry[]): Deployment[] {
  const groups = new Map<string, string[]>();
  for (const { name, platformStack } of stacks) {
    const platform = platformStack?.split("/").at(-1) ?? name;
    groups.set(platform, [...(groups.get(platform) ?? []), name]);
  }
  return [...groups].sort().map(([platform, names]) => ({
    platform,
    stacks: names.sort((a, b) => Number(b === platform) - Number(a === platform)).join(","),
  }));
}

/** @param base commit that was deployed before; all stacks where there is none (a branch's first push has 000…) */
export async function deploymentsSince(projectDir: string, base: string | undefined): Promise<Deployment[]> {
  if (base === undefined || /^0*$/.test(base)) return deploymentsOf(stackEntries(projectDir));
  return deploymentsOf((await selectStacks(projectDir, { changed: base })).stacks);
}

async function main(base: string | undefined): Promise<void> {
  const include = await deploymentsSince(projectDirectory(), base);
  const matrix = JSON.stringify({ include });
  console.log(matrix);
  const output = process.env.GITHUB_OUTPUT;
  if (output) appendFileSync(output, `matrix=${matrix}\nany=${include.length > 0}\n`);
}

if (require.main === module) {
  main(process.argv[2]).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
