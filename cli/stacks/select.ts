/** Which stacks a command is about, and in what order. */
import * as fs from "node:fs";
import * as path from "node:path";
import { readStackFile, stackOfFile } from "../../config/stack-file";
import { ExitCode, UserError } from "../exit-codes";
import { changedSince, type Changes } from "./changed";

/** A stack file of the project. */
export interface StackEntry {
  name: string;
  /** Tenants only; undefined for platforms and for files with a fault. */
  platformStack?: string;
}

export interface Selection {
  all?: boolean;
  /** A commit or branch to compare with; `true` for the default one. */
  changed?: string | boolean;
  /** Names with `*` and `?`, commas between several. */
  stacks?: string;
}

export interface Selected {
  /** Platforms first, then by name. */
  stacks: StackEntry[];
  /** For people: why these. */
  reason: string;
  /** Stacks whose file is gone since; nothing is done about them, but somebody should know. */
  gone: string[];
}

/** True where a command is to run on several stacks. */
export function isMany(selection: Selection): boolean {
  return Boolean(selection.all) || selection.changed !== undefined || selection.stacks !== undefined;
}

/**
 * Stacks that a command line means.
 *
 * @throws UserError where it means none that is there, or contradicts itself
 */
export async function selectStacks(projectDir: string, selection: Selection): Promise<Selected> {
  const given = [selection.all, selection.changed, selection.stacks].filter((each) => each !== undefined);
  if (given.length > 1) {
    throw new UserError(
      "--all, --changed and --stacks exclude one another; give one of them",
      ExitCode.usage,
    );
  }
  const there = stackEntries(projectDir);
  const order = (stacks: StackEntry[]) =>
    stacks.sort(
      (a, b) =>
        Number(a.platformStack !== undefined) - Number(b.platformStack !== undefined) ||
        (a.name < b.name ? -1 : 1),
    );
  if (selection.changed !== undefined) {
    const changes = await changedSince(
      projectDir,
      selection.changed === true ? undefined : (selection.changed as string),
    );
    return { ...byChanges(there, changes, order), gone: changes.gone };
  }
  if (selection.stacks === undefined) return { stacks: order(there), reason: "all stacks", gone: [] };
  const pattern = selection.stacks;
  const matches = globs(pattern);
  const stacks = there.filter(({ name }) => matches(name));
  if (stacks.length === 0) {
    const names = there.map(({ name }) => name).sort();
    throw new UserError(
      `no stack file matches "${pattern}"; there are ${names.join(", ") || "none"}`,
      ExitCode.usage,
    );
  }
  return { stacks: order(stacks), reason: `stacks that match ${pattern}`, gone: [] };
}

function byChanges(
  there: StackEntry[],
  { stacks, code, base }: Changes,
  order: (stacks: StackEntry[]) => StackEntry[],
): Pick<Selected, "stacks" | "reason"> {
  const [first] = code;
  if (first !== undefined) {
    return { stacks: order(there), reason: `all stacks, since ${first} changed since ${base}` };
  }
  const touched = there.filter(({ name }) => stacks.includes(name));
  return { stacks: order(touched), reason: `stacks whose file changed since ${base}` };
}

/** Every stack file of the project. */
export function stackEntries(projectDir: string): StackEntry[] {
  return fs
    .readdirSync(projectDir)
    .filter((file) => stackOfFile(file) !== undefined && file.endsWith(".yaml"))
    .map((file) => ({
      name: stackOfFile(file) ?? "",
      // A faulty file is a failure of its own stack, told when that stack's turn comes.
      platformStack: readStackFile(path.join(projectDir, file)).spec?.platformStack,
    }));
}

function globs(patterns: string): (name: string) => boolean {
  const expressions = patterns.split(",").map((pattern) => {
    const escaped = pattern.trim().replace(/[.+^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`);
  });
  return (name) => expressions.some((expression) => expression.test(name));
}
