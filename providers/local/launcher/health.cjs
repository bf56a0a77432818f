// A container's health check: node health.cjs URL FAILURES. Asks the server, and ends it after so many failures in a row,
// since Docker restarts what ended and not what is unhealthy.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const [url, limit] = process.argv.slice(2);
const TIMEOUT_MS = 8000;
/** A replica's answer has it while it stops or waits for its database: it goes on by itself (plugins/cluster). */
const UNAVAILABLE_HEADER = "x-fleet-replica-unavailable";
const failuresFile = path.join(os.tmpdir(), "health-failures");
const healthyFile = path.join(os.tmpdir(), "was-healthy");

const read = (file) => {
  try {
    return Number(fs.readFileSync(file, "utf8"));
  } catch {
    return 0;
  }
};

async function check() {
  const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const text = await answer.text();
  if (answer.ok) return;
  // It gave up, e.g. since its database was away, and stays so until it is started anew.
  if (text.includes("APP_ERROR")) endServer("it gave up (APP_ERROR)");
  const heals = answer.headers.has(UNAVAILABLE_HEADER);
  throw Object.assign(new Error(`${answer.status} ${text.slice(0, 200)}`), { heals });
}

function endServer(reason) {
  const pid = read(process.env.FLEET_PID_FILE);
  if (!pid) return;
  try {
    // Into the container's log, where an operator looks.
    fs.writeFileSync(
      `/proc/${pid}/fd/2`,
      `Health check: ${reason}; ending the server, to be started anew.\n`,
    );
  } catch (error) {
    console.log(`can't write into the server's log: ${error.message}`);
  }
  process.kill(pid, "SIGKILL");
}

check().then(
  () => {
    fs.rmSync(failuresFile, { force: true });
    // Counts from the first time that it was healthy: before, it is starting.
    fs.writeFileSync(healthyFile, "");
  },
  (error) => {
    console.log(error.message);
    process.exitCode = 1;
    if (error.heals) return;
    const failures = read(failuresFile) + 1;
    fs.writeFileSync(failuresFile, String(failures));
    const started = fs.existsSync(healthyFile);
    if (started && failures >= Number(limit)) endServer(`${failures} failures in a row`);
  },
);
