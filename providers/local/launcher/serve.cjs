// Runs one NocoBase server in this process: node serve.cjs start --quickstart. No shell, yarn, pm2 or nginx.
const fs = require("node:fs");
const { prepareReplica, waitForTurn } = require("./cluster.cjs");
const { prepareNocoBase, readSecrets } = require("./environment.cjs");
const { prepareOwnPlugins } = require("./plugins.cjs");
const { redactRequestLog } = require("./redact.cjs");

readSecrets();
// For a container's health check, which ends a server that doesn't answer any more.
if (process.env.FLEET_PID_FILE) fs.writeFileSync(process.env.FLEET_PID_FILE, String(process.pid));
prepareOwnPlugins();
prepareReplica();
const requireFromRelease = prepareNocoBase();

// NocoBase ends by running out of work and never calls exit, so one leaked handle would keep it for ever.
const graceMs = Number(process.env.SHUTDOWN_GRACE_MS || 15000);
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => setTimeout(() => process.exit(0), graceMs).unref());
}

const entry = requireFromRelease.resolve("@nocobase/app/lib/index.js");
process.argv[1] = entry;
redactRequestLog(requireFromRelease);
waitForTurn(requireFromRelease).then(
  () => requireFromRelease(entry),
  (error) => {
    console.error(`This replica can't start: ${error.message}`);
    process.exit(1);
  },
);
