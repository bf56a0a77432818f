/** Official resource plugins by Pulumi's own download; our stand-ins under the same names where that is refused. */
import * as fs from "node:fs";
import * as path from "node:path";
import type { Engine } from "./engine/choose";
import { isCurrent, makeExecutable } from "./executable";
import { homeOf, isInside, shortHash } from "./locations";
import { withLock } from "./lock";
import type { DownloadSite } from "./network";
import { isExecutable, run, tail } from "./process";
import { withHeartbeat, type Progress } from "./progress";
import { requiredPlugins, type PluginVersion } from "./versions";

export type PluginSource = "official" | "stand-in";

export interface InstalledPlugin extends PluginVersion {
  source: PluginSource;
}

export interface PluginSet {
  /** PULUMI_HOME to run with. */
  pulumiHome: string;
  /** The home is the user's own, not one in our cache. */
  usersHome: boolean;
  plugins: InstalledPlugin[];
}

export interface PluginContext {
  projectDir: string;
  cache: string;
  env: NodeJS.ProcessEnv;
  engine: Engine;
}

/** About 25 MB a plugin. */
const DOWNLOAD_LIMIT_MS = 5 * 60_000;

/**
 * The sources that may be used: both, or the one that NOCOBASE_FLEET_PLUGINS names.
 * @throws Error where it names none
 */
export function allowedPluginSources(env: NodeJS.ProcessEnv): PluginSource[] {
  const forced = env.NOCOBASE_FLEET_PLUGINS;
  if (forced === undefined || forced === "") return ["official", "stand-in"];
  if (forced === "official" || forced === "stand-in") return [forced];
  throw new Error(`NOCOBASE_FLEET_PLUGINS is "${forced}"; allowed are official, stand-in, or unset.`);
}

/** The user's own PULUMI_HOME. One of ours, set by an activated shell, is not it. */
export function usersPulumiHome(env: NodeJS.ProcessEnv, cache: string): string {
  const set = env.PULUMI_HOME;
  return set && !isInside(path.resolve(set), cache) ? path.resolve(set) : path.join(homeOf(env), ".pulumi");
}

/** Official plugins for an engine of the user's go where that engine keeps them anyway. */
function officialHome({ engine, env, cache }: PluginContext): { home: string; usersHome: boolean } {
  return engine.source === "path"
    ? { home: usersPulumiHome(env, cache), usersHome: true }
    : { home: path.join(cache, "pulumi-home", "official"), usersHome: false };
}

/** One home for each checkout of the project: two checkouts may differ in their stand-ins. */
function standInHome({ cache, projectDir }: PluginContext): string {
  return path.join(cache, "pulumi-home", `stand-in-${shortHash(projectDir)}`);
}

function isInstalled(home: string, { name, version }: PluginVersion): boolean {
  const folder = path.join(home, "plugins", `resource-${name}-v${version}`);
  return isExecutable(path.join(folder, `pulumi-resource-${name}`)) && !fs.existsSync(`${folder}.partial`);
}

function noteOf(home: string, { name, version }: PluginVersion): string {
  return path.join(home, `stand-in-${name}-${version}.json`);
}

function entryOf(projectDir: string, plugin: PluginVersion): string {
  return path.join(projectDir, "toolchain", "plugins", plugin.name, "main.ts");
}

/** The plugins that are here already and current; undefined where some are missing. Changes nothing. */
export function surveyPlugins(context: PluginContext): PluginSet | undefined {
  const wanted = requiredPlugins(context.projectDir);
  const allowed = allowedPluginSources(context.env);
  const official = officialHome(context);
  if (allowed.includes("official") && wanted.every((plugin) => isInstalled(official.home, plugin))) {
    return setOf(official.home, official.usersHome, wanted, "official");
  }
  const home = standInHome(context);
  const current = (plugin: PluginVersion): boolean =>
    isInstalled(home, plugin) && isCurrent(noteOf(home, plugin), context.projectDir);
  return allowed.includes("stand-in") && wanted.every(current)
    ? setOf(home, false, wanted, "stand-in")
    : undefined;
}

function setOf(
  pulumiHome: string,
  usersHome: boolean,
  wanted: PluginVersion[],
  source: PluginSource,
): PluginSet {
  return { pulumiHome, usersHome, plugins: wanted.map((plugin) => ({ ...plugin, source })) };
}

/**
 * Finds or gets the plugins: all official, or all stand-ins.
 * @param retryDownloads try the official download although current stand-ins are here
 * @throws Error naming the plugin that could be had in no way
 */
export async function ensurePlugins(
  context: PluginContext,
  site: DownloadSite,
  progress: Progress,
  retryDownloads: boolean,
): Promise<PluginSet> {
  const here = surveyPlugins(context);
  if (here && !(retryDownloads && here.plugins.some((plugin) => plugin.source === "stand-in"))) return here;
  const allowed = allowedPluginSources(context.env);
  const wanted = requiredPlugins(context.projectDir);
  let refusal = "NOCOBASE_FLEET_PLUGINS asks for stand-ins";
  if (allowed.includes("official")) {
    const { home, usersHome } = officialHome(context);
    const refused = await downloadPlugins(context, home, wanted, site, progress);
    if (refused === undefined) return setOf(home, usersHome, wanted, "official");
    refusal = refused;
  }
  if (!allowed.includes("stand-in")) {
    throw new Error(
      `The official Pulumi plugins can't be downloaded (${refusal}), and NOCOBASE_FLEET_PLUGINS forbids stand-ins.\n` +
        "Unset it, or let this machine reach get.pulumi.com.",
    );
  }
  return installStandIns(context, wanted, refusal, progress);
}

/** @returns why they can't be had; undefined where all are in */
async function downloadPlugins(
  context: PluginContext,
  home: string,
  wanted: PluginVersion[],
  site: DownloadSite,
  progress: Progress,
): Promise<string | undefined> {
  const part = progress.start("Downloading the official Pulumi plugins");
  const refuse = (refusal: string): string => {
    part.failed(`not possible here (${refusal})`);
    return refusal;
  };
  const unreachable = await site.refusal();
  if (unreachable !== undefined) return refuse(unreachable);
  for (const plugin of wanted.filter((candidate) => !isInstalled(home, candidate))) {
    const label = `${plugin.name} ${plugin.version}`;
    const installed = await withHeartbeat(
      part,
      (seconds) => `${label}, ${seconds} s`,
      () => pluginInstall(context, home, plugin, [], DOWNLOAD_LIMIT_MS),
    );
    if (installed.code !== 0 || !isInstalled(home, plugin)) {
      const why = installed.timedOut ? "not done within 5 minutes" : tail(installed.stderr, 1);
      site.remember(why);
      return refuse(`${label}: ${why}`);
    }
  }
  part.done(wanted.map((plugin) => `${plugin.name} ${plugin.version}`).join(", "));
  return undefined;
}

function pluginInstall(
  { engine, env, projectDir }: PluginContext,
  home: string,
  { name, version }: PluginVersion,
  flags: string[],
  timeoutMs: number,
): ReturnType<typeof run> {
  return run(engine.path, ["plugin", "install", "resource", name, version, ...flags], {
    cwd: projectDir,
    env: { ...env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" },
    timeoutMs,
  });
}

async function installStandIns(
  context: PluginContext,
  wanted: PluginVersion[],
  refusal: string,
  progress: Progress,
): Promise<PluginSet> {
  const { projectDir } = context;
  const missing = wanted.filter((plugin) => !fs.existsSync(entryOf(projectDir, plugin)));
  if (missing.length > 0) {
    const names = missing.map((plugin) => `${plugin.name} ${plugin.version}`).join(", ");
    throw new Error(
      `The official Pulumi plugins can't be downloaded (${refusal}), and the project has no stand-in for ${names}.\n` +
        "Let this machine reach get.pulumi.com, or install them by hand: " +
        "`pulumi plugin install resource NAME VERSION --file DOWNLOADED_FILE`.",
    );
  }
  const home = standInHome(context);
  // Credentials of a backend may come to lie here.
  fs.mkdirSync(home, { recursive: true, mode: 0o700 });
  return withLock(path.join(home, "stand-ins.lock"), async () => {
    const part = progress.start("Installing the project's own stand-ins for the official Pulumi plugins");
    for (const plugin of wanted) {
      const note = noteOf(home, plugin);
      if (!isInstalled(home, plugin)) fs.rmSync(note, { force: true });
      else if (isCurrent(note, projectDir)) continue;
      await makeExecutable(
        entryOf(projectDir, plugin),
        `pulumi-resource-${plugin.name}`,
        projectDir,
        note,
        async (file) => {
          const flags = ["--file", path.dirname(file), "--reinstall"];
          const installed = await pluginInstall(context, home, plugin, flags, 60_000);
          if (installed.code === 0 && isInstalled(home, plugin)) return;
          throw new Error(
            `The stand-in ${plugin.name} can't be installed in ${home}: ${tail(installed.stderr, 3)}`,
          );
        },
      );
    }
    part.done(wanted.map((plugin) => `${plugin.name} ${plugin.version}`).join(", "));
    return setOf(home, false, wanted, "stand-in");
  });
}
