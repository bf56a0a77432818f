/** Puts our Node.js language host where the engine finds it, so that plain `pulumi up` runs too. */
import * as fs from "node:fs";
import * as path from "node:path";
import type { Engine } from "./engine/choose";
import { isCurrent, makeExecutable } from "./executable";
import { withLock } from "./lock";
import { findOnPath, isExecutable } from "./process";
import type { Progress } from "./progress";

const NAME = "pulumi-language-nodejs";

export interface LanguageHost {
  path: string;
  source: "official" | "ours";
  /** The engine finds it beside itself, with nothing to be said on PATH. */
  besideEngine: boolean;
}

function besideFile(engine: Engine): string {
  return path.join(path.dirname(fs.realpathSync(engine.path)), NAME);
}

function ownFile(engine: Engine, cache: string): string {
  // Beside somebody else's engine is no place of ours to write in.
  return engine.source === "path" ? path.join(cache, "language-host", NAME) : besideFile(engine);
}

function noteOf(file: string): string {
  return path.join(path.dirname(path.dirname(file)), `${NAME}.json`);
}

/** The language host that this engine will use; undefined where there is none yet. Changes nothing. */
export function findLanguageHost(
  engine: Engine,
  cache: string,
  env: NodeJS.ProcessEnv,
): LanguageHost | undefined {
  const beside = besideFile(engine);
  if (engine.source !== "go-build" && isExecutable(beside)) {
    return { path: beside, source: "official", besideEngine: true };
  }
  const own = ownFile(engine, cache);
  const ambient =
    engine.source === "path" ? findOnPath(NAME, env.PATH, (found) => path.resolve(found) !== own) : undefined;
  if (ambient) return { path: ambient, source: "official", besideEngine: false };
  return isExecutable(own) ? { path: own, source: "ours", besideEngine: own === beside } : undefined;
}

/**
 * Finds the language host, and writes ours where there is none or its sources changed.
 * @throws Error where ours can't be made
 */
export async function ensureLanguageHost(
  engine: Engine,
  projectDir: string,
  cache: string,
  env: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<LanguageHost> {
  const found = findLanguageHost(engine, cache, env);
  if (found?.source === "official") return found;
  const file = ownFile(engine, cache);
  const host: LanguageHost = { path: file, source: "ours", besideEngine: file === besideFile(engine) };
  const note = noteOf(file);
  if (found && isCurrent(note, projectDir)) return host;
  await withLock(`${file}.lock`, async () => {
    if (isExecutable(file) && isCurrent(note, projectDir)) return;
    if (!isExecutable(file)) fs.rmSync(note, { force: true });
    const part = progress.start("Preparing the Node.js language host");
    const entry = path.join(projectDir, "toolchain", "language-nodejs", "main.ts");
    await makeExecutable(entry, NAME, projectDir, note, (made) => fs.promises.rename(made, file));
    part.done(file);
  });
  return host;
}
