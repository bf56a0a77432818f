"use strict";
// `npm test`: all tests, the quick ones first and two files at a time, or the folders and files named as arguments.
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");
const { styleText } = require("node:util");

const project = path.dirname(__dirname);
const mocha = [require.resolve("mocha/bin/mocha.js"), "--exit", "--reporter"];
const reporter = path.join(__dirname, "reporter.cjs");
const running = new Set();

main().then((code) => process.exit(code));
for (const signal of ["SIGINT", "SIGTERM"])
  process.on(signal, () => running.forEach((each) => each.kill(signal)));

async function main() {
  const chosen = process.argv.slice(2);
  if (chosen.length > 0) return await ended(start([...mocha, reporter, ...chosen], { stdio: "inherit" }));
  const reports = fs.mkdtempSync(path.join(os.tmpdir(), "fleet-tests-"));
  try {
    return summarize(await runAll(chunksOf(project), reports));
  } finally {
    fs.rmSync(reports, { recursive: true, force: true });
  }
}

/**
 * What one mocha runs: the unit tests together, each file on real parts by itself. Long ones come early, so that none
 * is left to run alone in the end.
 */
function chunksOf(folder) {
  const files = ["e2e", "plugins"].flatMap((name) =>
    fs
      .readdirSync(path.join(folder, "test", name))
      .filter((file) => file.endsWith(".test.ts"))
      .map((file) => ({
        name: `${name}/${path.basename(file, ".test.ts")}`,
        files: [path.join("test", name, file)],
        // A Docker daemon of each would make the same bridges and rules for packets.
        alone: file.startsWith("docker") ? "docker" : undefined,
      })),
  );
  return [{ name: "unit", files: ["test/unit/**/*.test.ts"] }, ...files];
}

/** Two at a time, but never two that must be alone with the same thing. @returns each chunk's report */
async function runAll(waiting, folder) {
  const lanes = Math.min(2, os.availableParallelism());
  const busy = new Set();
  const done = [];
  const lane = async () => {
    for (;;) {
      const index = waiting.findIndex(({ alone }) => !busy.has(alone));
      if (index < 0) return;
      const [chunk] = waiting.splice(index, 1);
      if (chunk.alone) busy.add(chunk.alone);
      const began = Date.now();
      const report = await runChunk(chunk, path.join(folder, `${chunk.name.replace("/", "-")}.json`));
      busy.delete(chunk.alone);
      done.push(report);
      const seconds = Math.round((Date.now() - began) / 1000);
      console.log(`${chunk.name} | ended after ${seconds} s, ${waiting.length} of the others to go`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return done;
}

async function runChunk({ name, files }, report) {
  const child = start([...mocha, reporter, ...files], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, FLEET_TEST_REPORT: report },
  });
  for (const stream of [child.stdout, child.stderr]) {
    readline.createInterface({ input: stream }).on("line", (line) => console.log(`${name} | ${line}`));
  }
  const code = await ended(child);
  const found = fs.existsSync(report)
    ? JSON.parse(fs.readFileSync(report, "utf8"))
    : { passed: 0, failures: [], skipped: [] };
  // Killed, say, or a file that can't be loaded.
  if (code !== 0 && found.failures.length === 0)
    found.failures.push({
      title: name,
      message: `mocha ended with exit code ${code}, and no test has failed`,
    });
  return found;
}

function start(args, options) {
  const child = spawn(process.execPath, args, { cwd: project, ...options });
  running.add(child);
  return child;
}

function ended(child) {
  return new Promise((resolve) =>
    child.on("close", (code, signal) => {
      running.delete(child);
      resolve(signal ? 1 : (code ?? 1));
    }),
  );
}

/** Says once more what failed, and why something was skipped. @returns the exit code */
function summarize(reports) {
  const failures = reports.flatMap((report) => report.failures);
  const skipped = reports.flatMap((report) => report.skipped);
  const passed = reports.reduce((sum, report) => sum + report.passed, 0);
  for (const { title, message } of failures)
    console.log(`\n${styleText("red", `failed: ${title}`)}\n${message}`);
  for (const line of skipped) console.log(`skipped: ${line}`);
  console.log(`${passed} passed, ${failures.length} failed, ${skipped.length} skipped`);
  return failures.length > 0 ? 1 : 0;
}
