/**
 * What the program runs on: the official Pulumi engine, its resource plugins and a Node.js language host, however
 * they can be had on this machine. Nothing outside the cache folder is written, except by the official plugin
 * installation of an engine of the user's own.
 */
import * as path from "node:path";
import {
  ensureEngine,
  surveyEngines,
  type Engine,
  type EngineContext,
  type EngineSource,
} from "./engine/choose";
import { ensureLanguageHost, findLanguageHost, type LanguageHost } from "./language-host";
import { cacheRoot, PROJECT_DIR } from "./locations";
import { DownloadSite } from "./network";
import {
  ensurePlugins,
  surveyPlugins,
  usersPulumiHome,
  type InstalledPlugin,
  type PluginSet,
} from "./plugins";
import { ensurePolicyBundle, POLICY_BUNDLE_VARIABLE } from "./policy-bundle";
import { noProgress, type Progress } from "./progress";
import { requiredPlugins, type PluginVersion } from "./versions";

export interface ToolchainOptions {
  /** Default: quiet. */
  progress?: Progress;
  /** Folder with package.json, Pulumi.yaml and node_modules. Default: this project. */
  projectDir?: string;
  /** Default: this process's environment. */
  env?: NodeJS.ProcessEnv;
  /** Try official plugin downloads although stand-ins are installed and current. Default false. */
  retryDownloads?: boolean;
}

export interface Toolchain {
  engine: Engine;
  languageHost: LanguageHost;
  /** PULUMI_HOME of the runs. */
  pulumiHome: string;
  plugins: InstalledPlugin[];
  /** Variables to set for the engine on top of one's own environment, e.g. as `envVars` of a workspace. */
  env: Record<string, string>;
}

/** What {@link inspectToolchain} found; nothing was changed for it. */
export interface ToolchainReport {
  cache: string;
  engine: Engine | undefined;
  /** Why a source has no engine here, for those that come before the one found. */
  engineFaults: Partial<Record<EngineSource, string>>;
  languageHost: LanguageHost | undefined;
  /** Undefined where some are missing or not current: the next `fleet up` or `fleet setup` gets them. */
  plugins: PluginSet | undefined;
  wantedPlugins: PluginVersion[];
}

/** Where things are, for these options. */
export function contextOf(options: ToolchainOptions): EngineContext {
  const env = options.env ?? process.env;
  return { projectDir: options.projectDir ?? PROJECT_DIR, cache: cacheRoot(env), env };
}

/**
 * Makes sure of engine, language host and plugins. With everything in place this reads a few files, starts no
 * program (one, where the engine is on PATH) and asks no network.
 * @throws Error with what to install where something can't be had; its message is for the user
 */
export async function ensureToolchain(options: ToolchainOptions = {}): Promise<Toolchain> {
  const context = contextOf(options);
  const progress = options.progress ?? noProgress;
  const site = new DownloadSite(context.env);
  const engine = await ensureEngine(context, site, progress);
  const languageHost = await ensureLanguageHost(
    engine,
    context.projectDir,
    context.cache,
    context.env,
    progress,
  );
  const set = await ensurePlugins({ ...context, engine }, site, progress, options.retryDownloads ?? false);
  const { pulumiHome, plugins } = set;
  const policies = await ensurePolicyBundle(context.projectDir, context.cache);
  const env = {
    ...engineEnvironment(context, engine, languageHost, set),
    ...(policies !== undefined && { [POLICY_BUNDLE_VARIABLE]: policies }),
  };
  return { engine, languageHost, pulumiHome, plugins, env };
}

/** Tells what {@link ensureToolchain} would take, without getting or writing anything: for `fleet doctor`. */
export async function inspectToolchain(options: ToolchainOptions = {}): Promise<ToolchainReport> {
  const context = contextOf(options);
  const { engine, faults } = await surveyEngines(context);
  return {
    cache: context.cache,
    engine,
    engineFaults: faults,
    languageHost: engine && findLanguageHost(engine, context.cache, context.env),
    plugins: engine && surveyPlugins({ ...context, engine }),
    wantedPlugins: requiredPlugins(context.projectDir),
  };
}

function engineEnvironment(
  { env, cache }: EngineContext,
  engine: Engine,
  host: LanguageHost,
  set: PluginSet,
): Record<string, string> {
  const added = pathFolders(engine, host);
  const rest = (env.PATH ?? "").split(":").filter((folder) => !added.includes(folder));
  const result: Record<string, string> = {
    PATH: [...added, ...rest].join(":"),
    PULUMI_HOME: set.pulumiHome,
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  // The variable would also hide a language host that is found over PATH only.
  if (host.besideEngine) result.PULUMI_IGNORE_AMBIENT_PLUGINS = "true";
  if (set.plugins.some((plugin) => plugin.source === "stand-in")) {
    // A missing plugin is then an error at once, not a download that hangs.
    result.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION = "true";
  }
  if (!set.usersHome && /^https?:/.test(env.PULUMI_BACKEND_URL ?? "") && !env.PULUMI_CREDENTIALS_PATH) {
    // Whoever is signed in to a Pulumi service stays so, although the home is another one.
    result.PULUMI_CREDENTIALS_PATH = usersPulumiHome(env, cache);
  }
  return result;
}

/** Folders that the engine and its host need on PATH before all others. */
export function pathFolders(engine: Engine, host: LanguageHost): string[] {
  return [
    ...(engine.source === "path" ? [] : [path.dirname(engine.path)]),
    ...(host.source === "ours" && !host.besideEngine ? [path.dirname(host.path)] : []),
  ];
}
