import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { filesLayout, type Placement } from "../../providers/local/files/layout";
import { areLinked, linkFiles, linkFilesOfInstance, unlinkFiles } from "../../providers/local/files/links";
import { claimFiles, markOwner, ownerOf, stackOf } from "../../providers/local/files/owner";
import { removeStorage } from "../../providers/local/instance/storage";
import { replicasOf, type InstanceInputs } from "../../providers/local/instance/inputs";
import { instanceEnvironment, instanceLayout } from "../../providers/local/instance/unit";
import { configurationText, clusterLayout } from "../../providers/local/postgres/cluster";
import { pruneModules } from "../../providers/local/release/prune";
import { fleetRoot } from "../../providers/local/root";
import { describeLog } from "../../providers/local/support/log-lines";
import { partialOf } from "../../providers/local/support/partial";

const STACK = "fleet/dev";
const KEY = "ab".repeat(32);

describe("local files", () => {
  let root: string;
  const placement: Placement = { key: "crm", name: "app-crm", instance: "env-blue", appName: "crm" };
  const claim = (change: Partial<{ stack: string; aesKey: string }> = {}): string | undefined =>
    claimFiles(root, { stack: STACK, placement, aesKey: KEY, ...change });

  beforeEach(() => {
    root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "fleet-files-")));
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  it("are made once, closed to others, with the key as 32 raw bytes", () => {
    assert.equal(claim(), undefined);
    assert.equal(claim(), undefined);
    const layout = filesLayout(root, "app-crm");
    assert.equal(fs.readFileSync(layout.aesKey).toString("hex"), KEY);
    assert.equal(fs.statSync(layout.aesKey).mode & 0o777, 0o600);
    assert.equal(fs.statSync(layout.folder).mode & 0o777, 0o700);
    assert.equal(ownerOf(root, "app-crm")?.stack, STACK);
  });

  it("are never taken over from another stack, app or hand, nor given another key", () => {
    claim();
    assert.throws(() => claim({ stack: "fleet/other" }), /belongs to app crm of stack fleet\/dev/);
    assert.throws(
      () => claim({ aesKey: "cd".repeat(32) }),
      /aes_key\.dat is not the AES key .* not overwritten/,
    );
    const foreign = path.join(root, "files", "app-erp");
    fs.mkdirSync(foreign);
    fs.writeFileSync(path.join(foreign, "mine"), "");
    const request = { stack: STACK, aesKey: KEY, placement: { ...placement, name: "app-erp" } };
    assert.throws(() => claimFiles(root, request), /app-erp exists and was not made by fleet/);
    assert.equal(fs.readFileSync(filesLayout(root, "app-crm").aesKey).toString("hex"), KEY);
  });

  it("that were retained are used again with the key they were made with", () => {
    claim();
    markOwner(root, { stack: STACK, placement, retainedAt: "2026-01-01T00:00:00Z" });
    assert.match(claim({ aesKey: "cd".repeat(32) }) ?? "", /in use again, with the AES key it was made with/);
    assert.equal(fs.readFileSync(filesLayout(root, "app-crm").aesKey).toString("hex"), KEY);
  });

  it("are shown in one instance at a time, and never over what lies there", () => {
    claim();
    const storage = (name: string): string => instanceLayout(root, name).storage;
    linkFiles(root, placement);
    assert.ok(areLinked(root, placement));
    fs.writeFileSync(path.join(storage("env-blue"), "uploads/crm/a.txt"), "a");
    const moved = { ...placement, instance: "app-crm", appName: "main" };
    unlinkFiles(root, placement);
    linkFiles(root, moved);
    assert.equal(areLinked(root, placement), false);
    assert.equal(fs.readFileSync(path.join(storage("app-crm"), "uploads/crm/a.txt"), "utf8"), "a");
    assert.equal(fs.readFileSync(path.join(storage("app-crm"), "apps/main/aes_key.dat")).length, 32);
    fs.mkdirSync(path.join(storage("env-red"), "uploads/crm"), { recursive: true });
    linkFiles(root, { ...placement, instance: "env-red" });
    fs.mkdirSync(path.join(storage("env-grey"), "uploads/crm"), { recursive: true });
    fs.writeFileSync(path.join(storage("env-grey"), "uploads/crm/b.txt"), "b");
    assert.throws(
      () => linkFiles(root, { ...placement, instance: "env-grey" }),
      /uploads\/crm holds something/,
    );
  });

  it("survive their instance's removal, as does what users put beside them", () => {
    claim();
    linkFiles(root, placement);
    markOwner(root, { stack: STACK, placement });
    const { folder, storage } = instanceLayout(root, "env-blue");
    fs.writeFileSync(path.join(storage, "uploads/crm/a.txt"), "a");
    assert.equal(removeStorage(root, "env-blue"), undefined);
    assert.equal(fs.existsSync(folder), false);
    assert.equal(fs.readFileSync(path.join(filesLayout(root, "app-crm").uploads, "a.txt"), "utf8"), "a");
    linkFilesOfInstance(root, "env-blue");
    assert.ok(areLinked(root, placement));
    fs.mkdirSync(path.join(storage, "uploads/other"));
    fs.writeFileSync(path.join(storage, "uploads/other/b.txt"), "b");
    const kept = removeStorage(root, "env-blue");
    assert.equal(fs.readFileSync(path.join(kept ?? "", "uploads/other/b.txt"), "utf8"), "b");
  });

  it("belong to a project's stack", () => {
    assert.equal(stackOf("urn:pulumi:dev::nocobase-fleet::a$b:c:D::name"), "nocobase-fleet/dev");
  });
});

describe("local provider, small parts", () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "fleet-parts-")));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  it("keeps an instance's settings from being overridden, and its socket's address short", () => {
    const inputs: InstanceInputs = {
      name: "entry",
      key: "entry",
      title: "Test",
      release: "2.2.15",
      host: "127.0.0.1",
      port: 21000,
      database: { host: "db", port: 5432, name: "n", user: "u", password: "p", sslMode: "require" },
      state: "running",
      env: { APP_HOST: "0.0.0.0", LOGGER_LEVEL: "warn" },
      secretEnv: { APP_KEY: "k" },
      hostsApps: false,
      rootEmail: "r@example.com",
      rootPassword: "p",
      heapLimitMiB: 700,
      replicas: 2,
      replicaPorts: [21001],
      resources: { memoryMiB: 1024 },
    };
    const root = `/${"deep/".repeat(40)}root`;
    const [environment, second] = replicasOf(inputs).map((replica) =>
      instanceEnvironment(root, inputs, replica),
    );
    assert.ok(environment && second);
    assert.deepEqual([environment.APP_PORT, environment.FLEET_REPLICA], ["21000", "entry"]);
    assert.deepEqual([second.APP_PORT, second.FLEET_REPLICA], ["21001", "entry.2"]);
    assert.equal(second.STORAGE_PATH, environment.STORAGE_PATH);
    assert.notEqual(second.SOCKET_PATH, environment.SOCKET_PATH);
    const unlimited = { ...inputs, heapLimitMiB: undefined };
    const derived = instanceEnvironment(root, unlimited, replicasOf(inputs)[0]!);
    assert.match(derived.NODE_OPTIONS ?? "", /--max-old-space-size=768$/);
    assert.equal(environment.APP_HOST, "127.0.0.1");
    assert.equal(environment.LOGGER_LEVEL, "warn");
    assert.equal(environment.NODE_OPTIONS, "--preserve-symlinks --max-old-space-size=700");
    assert.equal(environment.DB_DIALECT_OPTIONS_SSL_REJECT_UNAUTHORIZED, "false");
    assert.ok((environment.SOCKET_PATH ?? "").length < 100);
    assert.equal("APP_AES_SECRET_KEY" in environment, false);
  });

  it("quotes paths in postgresql.conf and listens on loopback alone", () => {
    const settings = { name: "pg", port: 5433, adminUser: "a", adminPassword: "secret", maxConnections: 50 };
    const text = configurationText(clusterLayout("/o'brien", "pg"), settings);
    assert.match(text, /data_directory = '\/o''brien\/pg\/data'/);
    assert.match(text, /listen_addresses = '127\.0\.0\.1'/);
    assert.ok(!text.includes("secret"));
  });

  it("prunes maps, declarations and foreign docs, and nothing a server reads", async () => {
    const kept = [
      "@nocobase/x/README.md",
      "@nocobase/app/dist/client/index.html",
      "a/index.js",
      "a/data.json",
    ];
    const gone = [
      "a/index.js.map",
      "a/index.d.ts",
      "a/README.md",
      "@nocobase/app/client/main.tsx",
      "@nocobase/x/b.d.mts",
    ];
    for (const file of [...kept, ...gone]) {
      fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      fs.writeFileSync(path.join(folder, file), "");
    }
    await pruneModules(folder);
    assert.deepEqual(
      kept.filter((file) => !fs.existsSync(path.join(folder, file))),
      [],
    );
    assert.deepEqual(
      gone.filter((file) => fs.existsSync(path.join(folder, file))),
      [],
    );
  });

  it("tells NocoBase's log lines by their message", () => {
    const file = path.join(folder, "log");
    const step = {
      level: "error",
      message: "load plugin [users], 46/77",
      extra: { method: "responseErrorWithCode" },
    };
    const fault = { level: "error", message: "boom", extra: { error: { message: "no such column" } } };
    const lines = [JSON.stringify(step), JSON.stringify(step), "plain text", JSON.stringify(fault)];
    fs.writeFileSync(file, lines.join("\n"));
    assert.deepEqual(describeLog(file, 5), [
      "load plugin [users], 46/77",
      "plain text",
      "error: boom no such column",
    ]);
    assert.deepEqual(describeLog(path.join(folder, "none"), 5), []);
  });

  it("clears what killed runs left half-made", () => {
    const target = path.join(folder, "release");
    const first = partialOf(target);
    fs.mkdirSync(path.join(first, "node_modules"), { recursive: true });
    const second = partialOf(target);
    assert.notEqual(second, first);
    assert.deepEqual(fs.readdirSync(folder), []);
  });

  it("keeps a stack's things in its project, and stays where they are", () => {
    fs.chmodSync(folder, 0o755);
    assert.equal(fleetRoot(folder, "dev"), path.join(folder, ".fleet/dev"));
    fs.mkdirSync(path.join(folder, ".fleet/dev"), { recursive: true });
    fs.chmodSync(folder, 0o700);
    assert.equal(fleetRoot(folder, "dev"), path.join(folder, ".fleet/dev"));
    if (process.getuid?.() === 0)
      assert.match(fleetRoot(folder, "other"), /^\/var\/lib\/nocobase-fleet\/[0-9a-f]{12}\/other$/);
  });
});
