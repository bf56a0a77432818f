/** Which engine to run: one on PATH, the official download, one built from Go modules; in this order. */
import * as fs from "node:fs";
import * as path from "node:path";
import { isInside, shortHash } from "../locations";
import { withLock } from "../lock";
import type { DownloadSite } from "../network";
import { findOnPath } from "../process";
import type { Progress, ProgressPart } from "../progress";
import { engineFault, minimumEngineVersion } from "../versions";
import { buildEngine, buildFault, buildRoot } from "./build";
import { downloadEngine, downloadRoot } from "./download";
import { askVersion, engineFile, verifiedVersion } from "./version";

export type EngineSource = "path" | "download" | "go-build";

export interface Engine {
  /** Without `v`, e.g. `3.256.0`. */
  version: string;
  /** The executable. */
  path: string;
  /** Folder with `bin/pulumi` in it, for `PulumiCommand.get({ root })`. */
  root: string;
  source: EngineSource;
}

export interface EngineContext {
  projectDir: string;
  cache: string;
  env: NodeJS.ProcessEnv;
}

const SOURCES = { path: "path", download: "download", build: "go-build" } as const;

/**
 * The sources that may be used: all, or the one that NOCOBASE_FLEET_ENGINE names.
 * @throws Error where it names none
 */
export function allowedSources(env: NodeJS.ProcessEnv): EngineSource[] {
  const forced = env.NOCOBASE_FLEET_ENGINE;
  if (forced === undefined || forced === "") return Object.values(SOURCES);
  const source = Object.entries(SOURCES).find(([name]) => name === forced)?.[1];
  if (source) return [source];
  throw new Error(
    `NOCOBASE_FLEET_ENGINE is "${forced}"; allowed are ${Object.keys(SOURCES).join(", ")}, or unset.`,
  );
}

/** An engine that is here already, or why there is none of each source. */
export interface EngineSurvey {
  engine: Engine | undefined;
  /** For each source that was looked at in vain: why. */
  faults: Partial<Record<EngineSource, string>>;
}

/** Looks for an engine without getting one: reads the disk and runs `pulumi version`, nothing else. */
export async function surveyEngines(context: EngineContext): Promise<EngineSurvey> {
  const { projectDir, cache, env } = context;
  const faults: EngineSurvey["faults"] = {};
  for (const source of allowedSources(env)) {
    if (source === "path") {
      const found = await engineOnPath(context);
      if ("version" in found) return { engine: found, faults };
      faults.path = found.fault;
      continue;
    }
    const root = source === "download" ? downloadRoot(projectDir, cache) : buildRoot(projectDir, cache);
    const version = verifiedVersion(root);
    if (version !== undefined) return { engine: { version, path: engineFile(root), root, source }, faults };
    faults[source] =
      source === "download" ? "the official engine is not downloaded" : "no engine is built yet";
  }
  return { engine: undefined, faults };
}

async function engineOnPath({ projectDir, cache, env }: EngineContext): Promise<Engine | { fault: string }> {
  // An activated shell has our own engine on PATH: that one is ours to choose, not the user's choice.
  const file = findOnPath("pulumi", env.PATH, (found) => !isInside(fs.realpathSync(found), realCache(cache)));
  if (!file) return { fault: "no `pulumi` is on PATH" };
  try {
    const version = await askVersion(file, env);
    const fault = engineFault(version, minimumEngineVersion(projectDir));
    if (fault !== undefined) return { fault: `the pulumi on PATH (${file}) ${fault}` };
    return { version, path: path.resolve(file), root: pathRoot(path.resolve(file), cache), source: "path" };
  } catch (error) {
    return { fault: `the pulumi on PATH can't be used: ${(error as Error).message}` };
  }
}

/** The Automation API wants `root/bin/pulumi`; one that lies elsewhere is reached over a link in the cache. */
function pathRoot(file: string, cache: string): string {
  const folder = path.dirname(file);
  return path.basename(folder) === "bin"
    ? path.dirname(folder)
    : path.join(cache, "engine", `path-${shortHash(file)}`);
}

function linkEngine(engine: Engine): void {
  const expected = engineFile(engine.root);
  if (fs.existsSync(expected)) return;
  fs.mkdirSync(path.dirname(expected), { recursive: true });
  fs.rmSync(expected, { force: true });
  fs.symlinkSync(engine.path, expected);
}

function realCache(cache: string): string {
  return fs.existsSync(cache) ? fs.realpathSync(cache) : cache;
}

/**
 * Finds or gets an engine.
 * @throws Error that says why each source failed, and what to install
 */
export async function ensureEngine(
  context: EngineContext,
  site: DownloadSite,
  progress: Progress,
): Promise<Engine> {
  const first = await surveyEngines(context);
  if (first.engine) {
    linkEngine(first.engine);
    return first.engine;
  }
  let part: ProgressPart | undefined;
  return withLock(
    path.join(context.cache, "engine", "engine.lock"),
    async () => {
      // Whoever held the lock may have left one.
      const again = await surveyEngines(context);
      return again.engine ?? obtainEngine(context, again.faults.path, site, progress);
    },
    {
      onWait: (holder, seconds) => {
        part ??= progress.start("Waiting for another run that gets the Pulumi engine");
        part.step(`process ${holder.pid} on ${holder.host} is at it, waited ${seconds} s`);
      },
    },
  );
}

async function obtainEngine(
  { projectDir, cache, env }: EngineContext,
  pathFault: string | undefined,
  site: DownloadSite,
  progress: Progress,
): Promise<Engine> {
  const allowed = allowedSources(env);
  const reasons = pathFault === undefined ? [] : [pathFault];
  if (allowed.includes("download")) {
    const root = downloadRoot(projectDir, cache);
    const answer = await downloadEngine(projectDir, root, env, site, progress);
    if ("version" in answer) {
      return { version: answer.version, path: engineFile(root), root, source: "download" };
    }
    reasons.push(`the official download is not possible (${answer.refusal})`);
  }
  if (allowed.includes("go-build")) {
    const fault = await buildFault(projectDir, env);
    if (fault === undefined) {
      const root = buildRoot(projectDir, cache);
      const version = await buildEngine(projectDir, root, env, progress);
      return { version, path: engineFile(root), root, source: "go-build" };
    }
    reasons.push(fault);
  }
  throw new Error(noEngineMessage(minimumEngineVersion(projectDir), reasons));
}

function noEngineMessage(minimum: string, reasons: string[]): string {
  return [
    "There is no Pulumi engine here, and none could be had:",
    ...reasons.map((reason) => `  - ${reason}`),
    "Do one of these, then run the same command again:",
    `  - install the Pulumi CLI ${minimum} or later and put it on PATH (https://www.pulumi.com/docs/install/)`,
    "  - install Go 1.25 or later (https://go.dev/doc/install) and let it reach a Go module proxy (GOPROXY)",
  ].join("\n");
}
