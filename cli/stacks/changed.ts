/** What a branch changes, as git tells it: stack files, or code that all stacks run on. */
import { run, tail } from "../../toolchain/process";
import { stackOfFile } from "../../config/stack-file";
import { ExitCode, UserError } from "../exit-codes";

export interface Changes {
  /** The commit compared with, as given. */
  base: string;
  /** Stacks whose file was added or changed. */
  stacks: string[];
  /** Stacks whose file was removed. */
  gone: string[];
  /** Changed files that every stack depends on. */
  code: string[];
}

/** Files that no stack depends on. */
const BESIDE =
  /^(?:docs|test|bench|ci|\.github|\.ci|\.vscode)\/|\.(?:md|svg|png)$|^(?:LICENSE|\.git\w+|\.prettier\w+|\.mocharc\.json|eslint\.config\.mjs)$/;
const LIMIT_MS = 60_000;

/**
 * Compares the working tree, uncommitted and new files included, with where it left `base`.
 *
 * @param base a commit or branch; `origin/main` by default, or `main` where there is no such remote branch
 * @throws UserError where git doesn't know it
 */
export async function changedSince(projectDir: string, base?: string): Promise<Changes> {
  const known = base ?? ((await isCommit(projectDir, "origin/main")) ? "origin/main" : "main");
  if (known.startsWith("-") || !(await isCommit(projectDir, known))) {
    throw new UserError(
      `git knows no commit or branch "${known}" here; give --changed one that it knows (in CI, fetch it first)`,
      ExitCode.usage,
    );
  }
  const fork = (await git(projectDir, ["merge-base", known, "HEAD"])).trim();
  const listed = await git(projectDir, [
    "diff",
    "--name-status",
    "--no-renames",
    "--relative",
    "-z",
    fork,
    "--",
  ]);
  const fields = listed.split("\0").filter((field) => field !== "");
  const changed: [string, string][] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    changed.push([fields[index] ?? "", fields[index + 1] ?? ""]);
  }
  const untracked = await git(projectDir, ["ls-files", "--others", "--exclude-standard", "-z"]);
  changed.push(
    ...untracked.split("\0").flatMap((file): [string, string][] => (file === "" ? [] : [["A", file]])),
  );
  return { base: known, ...sortChanges(changed) };
}

/** @param changed git's letter (`A`, `M`, `D` …) and the path below the project, of each changed file */
export function sortChanges(changed: readonly (readonly [string, string])[]): Omit<Changes, "base"> {
  const stacks: string[] = [];
  const gone: string[] = [];
  const code: string[] = [];
  for (const [letter, file] of changed) {
    const stack = file.includes("/") || !file.endsWith(".yaml") ? undefined : stackOfFile(file);
    if (stack !== undefined) (letter === "D" ? gone : stacks).push(stack);
    else if (!BESIDE.test(file)) code.push(file);
  }
  return { stacks: stacks.sort(), gone: gone.sort(), code: code.sort() };
}

async function isCommit(projectDir: string, name: string): Promise<boolean> {
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`];
  return (await run("git", args, { cwd: projectDir, env: process.env, timeoutMs: LIMIT_MS })).code === 0;
}

async function git(projectDir: string, args: readonly string[]): Promise<string> {
  const done = await run("git", args, { cwd: projectDir, env: process.env, timeoutMs: LIMIT_MS });
  if (done.code === 0) return done.stdout;
  throw new UserError(`git ${args[0] ?? ""} failed: ${tail(done.stderr, 3)}`);
}
