// What a replica needs before NocoBase starts. FLEET_CLUSTER=1 makes a process one; platforms set nothing else for it.
const { createHash } = require("node:crypto");
const path = require("node:path");
const os = require("node:os");
const { CLUSTER_PLUGIN } = require("./plugins.cjs");

const POLL_MS = 500;
/** A replica whose sign of life is older while it installs is taken for paused, and loses its connections. */
const SILENT_MS = 60_000;
const SIGN_EVERY_MS = 5000;
const SERVER_LIMIT_MS = 120_000;
/** Nobody listens yet; "cannot connect now"; no connection free. */
const STARTING = new Set(["ECONNREFUSED", "ECONNRESET", "57P03", "53300"]);

const isReplica = () => process.env.FLEET_CLUSTER === "1";

/** Sets what replicas need apart from each other. */
function prepareReplica() {
  if (!isReplica()) return;
  // Replicas share their storage folder, where this socket would be by default.
  process.env.SOCKET_PATH ||= path.join(os.tmpdir(), `nocobase-${process.pid}.sock`);
}

/**
 * First install and upgrade are one replica's work: it holds an advisory lock until its app has started, and the others
 * wait. Where there is nothing to install all replicas start side by side.
 */
async function waitForTurn(requireFromRelease) {
  if (!isReplica()) return;
  requirePlugin(requireFromRelease);
  const { Client } = requireFromRelease("pg");
  const { parseDatabaseOptionsFromEnv } = requireFromRelease("@nocobase/database");
  const { version } = requireFromRelease("@nocobase/server/package.json");
  const schema = process.env.DB_SCHEMA || "public";
  const name = `fleet starting ${process.pid} ${process.env.FLEET_REPLICA || os.hostname()}`;
  const client = await connect(Client, {
    host: process.env.DB_HOST,
    port: Number(process.env.DB_PORT),
    database: process.env.DB_DATABASE,
    user: process.env.DB_USER,
    password: process.env.DB_PASSWORD,
    ssl: (await parseDatabaseOptionsFromEnv()).dialectOptions?.ssl,
    application_name: name,
    keepAlive: true,
  });
  // NocoBase says what is wrong with a database that refuses it.
  if (!client) return;
  const key = lockKey(schema);
  while (!(await isCurrent(client, schema, version))) {
    const { rows } = await client.query("SELECT pg_try_advisory_lock($1::bigint) AS mine", [key]);
    if (rows[0].mine && !(await isCurrent(client, schema, version))) {
      holdUntilStarted(requireFromRelease, client);
      return;
    }
    if (rows[0].mine) break;
    await endSilentHolder(client, key);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  await client.end();
}

/** NocoBase goes on without a plugin that it doesn't find, and replicas that know nothing of each other do harm. */
function requirePlugin(requireFromRelease) {
  try {
    requireFromRelease.resolve(`${CLUSTER_PLUGIN}/server`);
  } catch {
    throw new Error(`${CLUSTER_PLUGIN} is not installed beside NocoBase, and replicas of an app need it`);
  }
}

/** A server that starts is waited for: replicas that go on without their turn would install side by side. */
async function connect(Client, options) {
  const until = Date.now() + SERVER_LIMIT_MS;
  for (;;) {
    const client = new Client(options);
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      if (!STARTING.has(error.code) || Date.now() > until) return undefined;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** Whether the app is installed in this version: NocoBase writes the version last. */
async function isCurrent(client, schema, version) {
  const table = `${process.env.DB_TABLE_PREFIX || ""}application`;
  const { rows } = await client.query(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname IN ($2, $3)`,
    [schema, `${table}Version`, `${table}_version`],
  );
  if (rows.length === 0) return false;
  const versions = await client.query(`SELECT value FROM ${rows[0].name} LIMIT 1`);
  return versions.rows[0]?.value === version;
}

function holdUntilStarted(requireFromRelease, client) {
  // Another replica may tell a paused process from a busy one by this.
  const sign = setInterval(() => void client.query("SELECT 1").catch(() => undefined), SIGN_EVERY_MS);
  sign.unref();
  const { Application } = requireFromRelease("@nocobase/server");
  const release = () => {
    clearInterval(sign);
    void client.end().catch(() => undefined);
  };
  Application.registerStaticCommand((app) => {
    if (app.name === "main") app.once("__started", release);
  });
}

async function endSilentHolder(client, key) {
  await client.query(
    `SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND ((l.classid::bigint << 32) | l.objid::bigint) = $1::bigint
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND a.state_change < clock_timestamp() - $2 * interval '1 millisecond'`,
    [key, SILENT_MS],
  );
}

/** Positive, so that pg_locks shows it as it is. */
function lockKey(schema) {
  const digest = createHash("sha256").update(`nocobase-fleet start ${schema}`).digest();
  return String(digest.readBigUInt64BE() & 0x7fffffffffffffffn);
}

module.exports = { prepareReplica, waitForTurn };
