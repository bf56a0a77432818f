/** Builds our own NocoBase plugins into the npm packages that a NocoBase release installs. Needs esbuild, no NocoBase. */
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_DIR } from "../toolchain/locations";

const ROOT = path.join(PROJECT_DIR, "plugins");
/** Folders of the plugins: `plugins/<name>` here is `plugins/<name>` in a release. */
const PLUGINS = ["cluster", "supervisor"] as const;
const SHARED = "shared";
/** What NocoBase's web client shares with plugins, of all that ours use. */
const CLIENT_LIBRARIES = ["react", "antd", "@nocobase/client"] as const;
/** Parts of the gateway that the supervisor brings along, to pass requests on as it does. */
const GATEWAY = path.join(ROOT, "..", "providers", "local", "gateway");
const GATEWAY_PARTS = [
  "address",
  "body",
  "compiled",
  "headers",
  "pages",
  "proxy",
  "router",
  "routes",
] as const;

/** Files that decide what is built, sorted. */
export function pluginSources(): string[] {
  const sources = [...PLUGINS, SHARED].flatMap((folder) =>
    fs
      .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.tsx?$/.test(name) || name === "package.json")
      .map((name) => path.join(ROOT, folder, name)),
  );
  const gateway = GATEWAY_PARTS.map((name) => path.join(GATEWAY, `${name}.ts`));
  return [path.join(ROOT, "build.ts"), ...sources, ...gateway].sort();
}

/**
 * Writes each plugin's package into a folder of its name below `target`, which is made.
 * @param version the NocoBase version it is for; NocoBase's plugin manager shows it as compatible with that one
 * @throws Error with the first faults where the sources don't compile
 */
export async function buildPlugins(target: string, version: string): Promise<void> {
  for (const name of PLUGINS) await buildPlugin(path.join(ROOT, name), path.join(target, name), version);
}

async function buildPlugin(source: string, folder: string, version: string): Promise<void> {
  // Loaded where it is needed: every start of a provider reads this module for its list of sources.
  const { build } = await import("esbuild");
  const manifest = fs.readFileSync(path.join(source, "package.json"), "utf8");
  const write = (name: string, text: string): void => {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  };
  write("package.json", manifest);
  await build({
    entryPoints: [path.join(source, "src", "server", "index.ts")],
    outfile: path.join(folder, "dist", "server", "index.js"),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    keepNames: true,
    external: ["@nocobase/*", "pg", "sequelize"],
    logLevel: "silent",
  });
  const { name } = JSON.parse(manifest) as { name: string };
  const page = path.join(source, "src", "client", "index.ts");
  write("dist/client/index.js", fs.existsSync(page) ? await buildClient(name, page) : emptyClient(name));
  write("dist/externalVersion.js", `module.exports = ${JSON.stringify({ "@nocobase/server": version })};\n`);
  write("client.js", 'module.exports = require("./dist/client/index.js");\n');
  write("server.js", 'module.exports = require("./dist/server/index.js");\n');
}

/** An AMD module, which esbuild doesn't write: what it makes for Node gets the web client's libraries by name. */
async function buildClient(name: string, entry: string): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "browser",
    target: "es2020",
    format: "cjs",
    minify: true,
    external: [...CLIENT_LIBRARIES],
    logLevel: "silent",
  });
  const parameters = CLIENT_LIBRARIES.map((_, index) => `library${index}`).join(", ");
  return `define(${JSON.stringify(name)}, ${JSON.stringify(CLIENT_LIBRARIES)}, function (${parameters}) {
  var libraries = [${parameters}];
  var names = ${JSON.stringify(CLIENT_LIBRARIES)};
  var module = { exports: {} };
  var require = function (name) { return libraries[names.indexOf(name)]; };
  ${outputFiles[0]?.text ?? ""}
  return module.exports;
});
`;
}

/** The web client asks every enabled plugin for its part; one that has none gives an AMD module with an empty plugin. */
function emptyClient(name: string): string {
  return `define(${JSON.stringify(name)}, ["@nocobase/client"], function (client) {
  class EmptyPlugin extends client.Plugin {}
  return { default: EmptyPlugin };
});
`;
}
