"use strict";
// `npm test`: all tests in the order quick to slow, or the folders and files named as arguments.
const { spawn } = require("node:child_process");
const path = require("node:path");

const project = path.dirname(__dirname);
const chosen = process.argv.slice(2);
const all = ["test/unit/**/*.test.ts", "test/plugins/**/*.test.ts", "test/e2e/**/*.test.ts"];
const mocha = require.resolve("mocha/bin/mocha.js");
const args = [
  mocha,
  "--exit",
  "--reporter",
  path.join(__dirname, "reporter.cjs"),
  ...(chosen.length ? chosen : all),
];

const child = spawn(process.execPath, args, { cwd: project, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
