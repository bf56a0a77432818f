import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { createEventView } from "../../cli/output/engine-events";
import { explainErrors } from "../../cli/output/explain";
import { formatTable } from "../../cli/output/table";
import { statusTable } from "../../cli/commands/status";
import { isDegraded, statusRows, type StackOutputs } from "../../cli/status/rows";
import { PROJECT_DIR } from "../../toolchain/locations";
import type { LivePart } from "../../platforms/operations";

const instance = {
  id: "urn",
  instanceUrl: "http://127.0.0.1:1",
  replicas: 1,
  state: "running",
  release: "2.2.15",
};
const outputs: StackOutputs = {
  platform: "local",
  topology: "hybrid",
  url: "http://localhost:13000",
  entry: { ...instance, url: "http://localhost:13000", database: "dev_entry", databaseServer: "main" },
  environments: {},
  apps: {
    crm: {
      ...instance,
      name: "crm",
      title: "CRM",
      isolation: "shared",
      environment: "entry",
      url: "http://crm.localhost:13000",
      database: "dev_crm",
      databaseServer: "main",
    },
    erp: {
      ...instance,
      name: "erp",
      title: "ERP",
      isolation: "dedicated",
      environment: null,
      state: "stopped",
      url: "http://erp.localhost:13000",
      database: "dev_erp",
      databaseServer: "main",
    },
  },
  credentials: {},
};
const part = (name: string, state: LivePart["state"], kind: LivePart["kind"] = "instance"): LivePart => ({
  name,
  kind,
  state,
  ...(kind === "instance" ? { replicas: { ready: state === "running" ? 1 : 0, wanted: 1 } } : {}),
  restarts: 0,
});

describe("fleet status", () => {
  const running = [
    part("gateway", "running", "gateway"),
    part("entry", "running"),
    part("app-erp", "stopped"),
  ];

  it("is content with what runs and what is stopped on purpose", () => {
    const rows = statusRows(outputs, running, new Map([["crm", { state: "running" }]]));
    assert.deepEqual(
      rows.map(({ name, state, ok }) => [name, state, ok]),
      [
        ["gateway", "running", true],
        ["entry", "running", true],
        ["crm", "running", true],
        ["erp", "stopped", true],
      ],
    );
    assert.equal(isDegraded(rows), false);
  });

  it("takes the platform's word for a process that the registry has not missed yet", () => {
    const registered = (state: "running" | "unavailable") => ({
      environments: [],
      apps: [
        {
          ...{ name: "erp", title: "ERP", state, held: false, declaredState: "stopped", replicas: 1 },
          ...{ isolation: "dedicated", environmentName: null, release: "2.2.15", url: "", lastError: null },
        },
      ],
    });
    for (const told of ["running", "unavailable"] as const) {
      const rows = statusRows(outputs, running, new Map(), registered(told));
      const erp = rows.find(({ name }) => name === "erp")!;
      assert.deepEqual([erp.registered, erp.state, erp.ok], [told, "stopped", true]);
    }
  });

  it("is degraded where a shared app is gone or an instance was stopped by hand", () => {
    assert.ok(isDegraded(statusRows(outputs, running, new Map())));
    const held = [...running.slice(0, 1), part("entry", "held"), running[2]!];
    assert.ok(isDegraded(statusRows(outputs, held, new Map([["crm", { state: "running" }]]))));
  });
});

describe("fleet status of replicas", () => {
  const scaled: StackOutputs = { ...outputs, entry: { ...outputs.entry!, replicas: 3 }, apps: {} };
  const entryWith = (ready: number, state: LivePart["state"] = "running"): LivePart => ({
    ...part("entry", state),
    replicas: { ready, wanted: 3 },
  });

  it("is content with as many as declared, and not with fewer", () => {
    const [all] = statusRows(scaled, [entryWith(3)], new Map());
    assert.deepEqual([all!.replicas, all!.ok], [{ ready: 3, wanted: 3 }, true]);
    const [few] = statusRows(scaled, [entryWith(2, "starting")], new Map());
    assert.deepEqual([few!.replicas, few!.state, few!.ok], [{ ready: 2, wanted: 3 }, "starting", false]);
    const table = statusTable([few!]);
    assert.match(table, /2\/3/);
    assert.match(table, /2 of 3 replicas ready/);
    // A run that was cut short left fewer processes than the stack declares.
    const cut = { ...part("entry", "running"), replicas: { ready: 1, wanted: 1 } };
    assert.equal(statusRows(scaled, [cut], new Map())[0]!.ok, false);
  });

  it("tells how often and why they were restarted", () => {
    const lastExit = "out of memory (limit 1024 MiB)";
    const rows = statusRows(scaled, [{ ...entryWith(3), restarts: 2, lastExit }], new Map());
    assert.match(statusTable(rows), /2 restarts, last: out of memory \(limit 1024 MiB\)/);
  });
});

describe("fleet up's display", () => {
  const urn =
    "urn:pulumi:dev::nocobase-fleet::nocobase-fleet:index:BusinessApp$nocobase:index:Application::crm-app";
  const metadata = (op: string, of = urn) => ({ op, urn: of, type: "", provider: "" });
  const show = (events: object[], clock: () => number = () => 0) => {
    const lines: string[] = [];
    const view = createEventView((line) => lines.push(line), 5000, clock);
    for (const event of events) view.handle(event as EngineEvent);
    view.close();
    return { lines, errors: view.errors };
  };

  it("has a line for each finished step, with the time it took", () => {
    let now = 0;
    const { lines } = show(
      [
        { resourcePreEvent: { metadata: metadata("create") } },
        { diagnosticEvent: { urn, message: "starting", severity: "info", ephemeral: true } },
        { resOutputsEvent: { metadata: metadata("create") } },
      ],
      () => (now += 1000),
    );
    assert.deepEqual(lines, ["  created      crm-app (Application) 2.0 s"]);
  });

  it("keeps unchanged resources, components and debug messages to itself", () => {
    const component = "urn:pulumi:dev::nocobase-fleet::nocobase-fleet:index:BusinessApp::crm";
    const { lines } = show([
      { resourcePreEvent: { metadata: metadata("same") } },
      { resOutputsEvent: { metadata: metadata("same") } },
      { resOutputsEvent: { metadata: metadata("create", component) } },
      { diagnosticEvent: { urn, message: "password is hunter2", severity: "debug" } },
    ]);
    assert.deepEqual(lines, []);
  });

  it("collects errors, without the engine's colour marks", () => {
    const { lines, errors } = show([
      { diagnosticEvent: { urn, message: "<{%fg 1%}>no room<{%reset%}>\n", severity: "error" } },
    ]);
    assert.deepEqual(errors, ["no room"]);
    assert.deepEqual(lines, ["  error: crm-app (Application): no room"]);
  });
});

describe("explanations", () => {
  it("names the app behind a protected resource, and what to do", () => {
    const lines = explainErrors([
      'resource "urn:pulumi:dev::nocobase-fleet::nocobase-fleet:index:BusinessApp$nocobase-fleet:index:AppDatabase$postgresql:index/database:Database::crm-db" cannot be deleted\nbecause it is protected',
      'resource "urn:pulumi:dev::nocobase-fleet::nocobase-fleet:index:EntryApp$random:index/randomBytes:RandomBytes::entry-seed" cannot be deleted\nbecause it is protected',
    ]).join("\n");
    assert.match(lines, /Protected: app crm, entry app entry/);
    assert.match(lines, /deletion: backup/);
  });

  it("adds nothing to other errors", () => {
    assert.deepEqual(explainErrors(["port 13000 is in use by urn:pulumi:dev::p::t::n"]), []);
  });
});

describe("tables", () => {
  it("aligns columns without borders or trailing space", () => {
    assert.equal(
      formatTable(
        ["name", "url"],
        [
          ["a", "http://x"],
          ["longer", ""],
        ],
      ),
      "NAME    URL\na       http://x\nlonger",
    );
  });
});

describe("an engine's failure outside an update", () => {
  it("is its own message: no stack trace, no command line", () => {
    const env = { ...process.env, PULUMI_BACKEND_URL: "file:///nonexistent/folder" };
    const { status, stderr } = spawnSync(process.execPath, ["cli/fleet.cjs", "preview"], {
      cwd: PROJECT_DIR,
      env,
      encoding: "utf8",
    });
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^The Pulumi engine failed:\nerror: unable to open bucket file:\/\/\/nonexistent\/folder\S* stat/,
    );
    assert.equal(stderr.trim().split("\n").length, 2);
  }).timeout(20 * 60_000);
});
