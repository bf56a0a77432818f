"use strict";
// Lets `require` take this project's TypeScript: an entry and all that it imports as one piece of JavaScript, which is
// kept and made again when a source changed. A provider starts so in a third of the time that it needs under tsx, which
// compiles file by file and keeps a compiler running beside it.
const fs = require("node:fs");
const path = require("node:path");

const PROJECT = path.dirname(__dirname);
// Where tools keep what they can make again; it goes with the packages that the result was made with.
const CACHE = path.join(PROJECT, "node_modules", ".cache", "nocobase-fleet");

require.extensions[".ts"] = (module, file) => {
  process.setSourceMapsEnabled(true);
  module._compile(readCurrent(cacheFile(file)) ?? make(file), file);
};

function cacheFile(entry) {
  return path.join(CACHE, `${path.relative(PROJECT, entry).replaceAll(path.sep, "-")}.cjs`);
}

/** What was made of an entry before, if all its sources are as they were then. Its first line says which those are. */
function readCurrent(file) {
  try {
    const text = fs.readFileSync(file, "utf8");
    const stamps = JSON.parse(text.slice(2, text.indexOf("\n")));
    return Object.entries(stamps).every(([input, stamp]) => stampOf(input) === stamp) ? text : undefined;
  } catch {
    // Not there, or cut off when the machine went down: made again.
    return undefined;
  }
}

/** Size and time of a file: what tells quickly that it is as it was. */
function stampOf(input) {
  const stat = fs.statSync(path.join(PROJECT, input), { throwIfNoEntry: false });
  return stat && `${stat.size} ${stat.mtimeMs}`;
}

function make(entry) {
  // Else its process stays beside a daemon for as long as that runs. Read when it is loaded.
  process.env.ESBUILD_WORKER_THREADS = "0";
  const { outputFiles, metafile } = require("esbuild").buildSync({
    entryPoints: [entry],
    absWorkingDir: PROJECT,
    outfile: `${entry}.cjs`,
    write: false,
    bundle: true,
    packages: "external",
    platform: "node",
    target: "node20",
    format: "cjs",
    keepNames: true,
    metafile: true,
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "silent",
  });
  const inputs = [...Object.keys(metafile.inputs), "node_modules/.package-lock.json"];
  const stamps = Object.fromEntries(inputs.map((input) => [input, stampOf(input)]));
  const text = `//${JSON.stringify(stamps)}\n${outputFiles[0].text}`;
  keep(cacheFile(entry), text);
  return text;
}

function keep(file, text) {
  const aside = `${file}.${process.pid}`;
  try {
    fs.mkdirSync(CACHE, { recursive: true });
    fs.writeFileSync(aside, text);
    fs.renameSync(aside, file);
  } catch {
    // A checkout of somebody else's, which this user may not write to: made again at each start.
  }
}
