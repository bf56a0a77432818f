/** Builds the cluster plugin into the npm package that a NocoBase release installs. Needs esbuild, no NocoBase. */
import { build } from "esbuild";
import * as fs from "node:fs";
import * as path from "node:path";

export const CLUSTER_PLUGIN = "@nocobase-fleet/plugin-cluster";
const SOURCE = __dirname;
const MANIFEST = path.join(SOURCE, "package.json");

/** The web client asks every enabled plugin for its part, and this one has none: an AMD module with an empty plugin. */
const CLIENT = `define(${JSON.stringify(CLUSTER_PLUGIN)}, ["@nocobase/client"], function (client) {
  class PluginClusterClient extends client.Plugin {}
  return { default: PluginClusterClient };
});
`;

/** Files that decide what is built, sorted. */
export function clusterSources(): string[] {
  const sources = fs
    .readdirSync(path.join(SOURCE, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => path.join(SOURCE, "src", name));
  return [__filename, MANIFEST, ...sources].sort();
}

/**
 * Writes the package into `folder`, which is made.
 * @param version the NocoBase version it is for; NocoBase's plugin manager shows it as compatible with that one
 * @throws Error with the first faults where the sources don't compile
 */
export async function buildClusterPlugin(folder: string, version: string): Promise<void> {
  fs.mkdirSync(folder, { recursive: true });
  fs.copyFileSync(MANIFEST, path.join(folder, "package.json"));
  await build({
    entryPoints: [path.join(SOURCE, "src", "server", "index.ts")],
    outfile: path.join(folder, "dist", "server", "index.js"),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    keepNames: true,
    external: ["@nocobase/*", "pg", "sequelize"],
    logLevel: "silent",
  });
  const write = (name: string, text: string): void => {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  };
  write("dist/client/index.js", CLIENT);
  write("dist/externalVersion.js", `module.exports = ${JSON.stringify({ "@nocobase/server": version })};\n`);
  write("client.js", 'module.exports = require("./dist/client/index.js");\n');
  write("server.js", 'module.exports = require("./dist/server/index.js");\n');
}
