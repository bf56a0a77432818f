/** The tenants' example of this repository, with real PostgreSQL and NocoBase. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { fleetRoot } from "../../providers/local/root";
import { observeUnits } from "../../providers/local/supervisor/client";
import { PROJECT_DIR } from "../../toolchain/locations";
import { App } from "./support/app";
import { eventually, openApp, statusOf } from "./support/fleet";
import { gatewayPort, LocalHarness } from "./support/local";
import { Project, type Run, type Values } from "./support/project";

const tenants = ["acme", "globex"] as const;
type Apps = Record<string, Values>;

interface Report {
  stacks: {
    stack: string;
    ok: boolean;
    error?: string;
    changes: object;
    effects: { kind: string; key: string }[];
  }[];
}

function example(stack: string): Values {
  const text = fs.readFileSync(path.join(PROJECT_DIR, `Pulumi.${stack}.yaml`), "utf8");
  const { config } = parse(text) as { config: Values };
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace(/^nocobase-fleet:/, ""), value]),
  );
}

describe("the tenants' example", function () {
  this.timeout(15 * 60_000);
  const port = gatewayPort();
  let project: Project;
  const values: Record<string, Values> = {};

  before(() => {
    project = new Project("platform", { ...example("platform"), gateway: { port } });
    for (const stack of tenants) edit(stack, example(stack));
  });

  after(async () => {
    for (const stack of [...tenants, "platform"]) {
      const harness = new LocalHarness(asStack(stack));
      if (stack === "platform") await harness.cleanUp();
      else await harness.powerCut();
    }
  });

  /** The project with another stack selected. */
  function asStack(stack: string): Project {
    return Object.create(project, { stack: { value: stack } }) as Project;
  }

  function edit(stack: string, next: Values): void {
    values[stack] = next;
    const file = path.join(project.folder, `Pulumi.${stack}.yaml`);
    const before = fs.existsSync(file) ? (parse(fs.readFileSync(file, "utf8")) as Values) : {};
    const config = Object.fromEntries(
      Object.entries(next).map(([key, value]) => [`nocobase-fleet:${key}`, value]),
    );
    fs.writeFileSync(file, stringify({ ...before, config }));
  }

  const state = (stack: string) =>
    fs.readFileSync(
      path.join(project.folder, ".pulumi-state/.pulumi/stacks/nocobase-fleet", `${stack}.json`),
      "utf8",
    );
  const processes = async (stack: string) =>
    Object.fromEntries(
      (await observeUnits(fleetRoot(project.folder, stack))).map(({ definition, pid, state: { phase } }) => [
        definition.name,
        `${phase} ${pid ?? 0}`,
      ]),
    );
  /** States of the apps that the platform's entry app shows. */
  const shown = async (entry: App): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await entry.call<{ name: string; state: string }[]>("applications:list")).map(({ name, state }) => [
        name,
        state,
      ]),
    );
  const isRunning = (state: string) => state === "running";
  const page = (host: string) => new App(`http://${host}.localhost:${port}`, "", "").send("/admin");
  const report = (run: Run) => JSON.parse(run.stdout) as Report;

  it("comes up, platform first, and serves every tenant's apps at the platform's gateway", async () => {
    const run = await project.fleet("up", "--stacks", "platform,acme,globex", "--parallel", "2", "--json");
    assert.equal(run.code, 0, run.output);
    assert.deepEqual(
      report(run).stacks.map(({ stack, ok }) => [stack, ok]),
      [
        ["platform", true],
        ["acme", true],
        ["globex", true],
      ],
    );
    for (const host of ["acme-crm", "globex-crm", "globex-erp"]) {
      const { status, text } = await page(host);
      assert.equal(status, 200, `${host}: ${text}`);
    }
    assert.deepEqual(Object.keys(await processes("acme")), []);
    assert.deepEqual(Object.keys(await processes("globex")).sort(), ["app-globex-erp", "postgres-own"]);
  });

  it("gives each tenant's app a database of its own, with its uploads below the tenant's own folder", () => {
    const uploads = path.join(fleetRoot(project.folder, "platform"), "env-blue/storage/uploads/acme-crm");
    const own = path.join(fleetRoot(project.folder, "acme"), "files/app-acme-crm/uploads");
    assert.equal(fs.readlinkSync(uploads), own);
  });

  it("changes nothing where nothing changed", async () => {
    const run = await project.fleet("up", "--stacks", "platform,acme,globex", "--json");
    assert.equal(run.code, 0, run.output);
    for (const { stack, changes } of report(run).stacks) assert.deepEqual(changes, {}, stack);
  });

  it("shows those in its environments in the platform's entry app, which commands them until the next up", async () => {
    const entry = await openApp(project, "entry");
    await eventually("both run", 60, async () => Object.values(await shown(entry)).every(isRunning));
    assert.deepEqual(Object.keys(await shown(entry)).sort(), ["acme-crm", "globex-crm"]);
    await entry.call("applications:stop?filterByTk=acme-crm", {});
    await eventually("it is stopped", 60, async () => (await shown(entry))["acme-crm"] === "stopped");
    assert.equal((await statusOf(asStack("acme"))).crm?.state, "stopped");
    const run = await project.fleet("up", "--stacks", "acme", "--json");
    assert.equal(run.code, 0, run.output);
    await eventually("it runs", 60, async () => (await shown(entry))["acme-crm"] === "running");
    assert.equal((await statusOf(asStack("acme"))).crm?.state, "running");
  });

  it("leaves states and processes of all others alone when one tenant's file changes", async () => {
    const before = [state("globex"), state("platform")];
    const running = [await processes("globex"), await processes("platform")];
    const apps = structuredClone(values.acme?.apps) as Apps;
    edit("acme", { ...values.acme, apps: { ...apps, crm: { ...apps.crm, title: "Customers" } } });
    const run = await project.fleet("up", "--stacks", "acme", "--json");
    assert.equal(run.code, 0, run.output);
    assert.deepEqual(
      report(run).stacks[0]?.effects.map(({ kind, key }) => `${kind} ${key}`),
      ["changed crm"],
    );
    assert.deepEqual([state("globex"), state("platform")], before);
    assert.deepEqual([await processes("globex"), await processes("platform")], running);
  });

  it("refuses a host name of another tenant in preview, naming both", async () => {
    const honest = values.acme ?? {};
    const apps = structuredClone(honest.apps) as Apps;
    edit("acme", { ...honest, apps: { crm: { ...apps.crm, domains: ["globex-erp.localhost"] } } });
    const run = await project.fleet("preview", "--stacks", "acme", "--json");
    edit("acme", honest);
    assert.equal(run.code, 1, run.output);
    assert.match(
      report(run).stacks[0]?.error ?? "",
      /app acme-crm of stack acme would answer at globex-erp\.localhost, where app globex-erp of stack globex answers/,
    );
  });

  it("refuses to take a tenant's environment away", async () => {
    const file = path.join(project.folder, "Pulumi.platform.yaml");
    const text = fs.readFileSync(file, "utf8");
    project.edit((platform) => (platform.environments = {}));
    const run = await project.fleet("preview");
    fs.writeFileSync(file, text);
    assert.equal(run.code, 1, run.output);
    assert.match(run.stderr, /acme: crm runs in environment blue/);
    assert.match(run.stderr, /globex: crm runs in environment blue/);
  });

  it("moves a tenant's app from shared to dedicated with its data and files, and restarts nobody", async () => {
    const before = await openApp(asStack("acme"), "crm");
    await before.call("users:create", {
      nickname: "Keep me",
      username: "keeper",
      email: "keeper@example.com",
    });
    const file = await before.upload("note.txt", "kept through the move");
    const states = [state("globex"), state("platform")];
    const running = [await processes("globex"), await processes("platform")];
    edit("acme", { ...values.acme, apps: { crm: { title: "Customers", isolation: "dedicated" } } });
    const run = await project.fleet("up", "--stacks", "acme", "--json");
    assert.equal(run.code, 0, run.output);
    assert.deepEqual(
      report(run).stacks[0]?.effects.map(({ kind, key }) => `${kind} ${key}`),
      ["moved crm"],
    );
    const after = await openApp(asStack("acme"), "crm");
    assert.equal(after.password, before.password);
    const users = await after.call<{ username: string }[]>("users:list");
    assert.ok(users.some(({ username }) => username === "keeper"));
    assert.equal(await after.download(file), "kept through the move");
    assert.deepEqual(Object.keys(await processes("acme")), ["app-acme-crm"]);
    assert.deepEqual([state("globex"), state("platform")], states);
    assert.deepEqual([await processes("globex"), await processes("platform")], running);
  });

  it("refuses another database server, where an app would find no data", async () => {
    const here = values.acme ?? {};
    edit("acme", { ...here, databaseServers: { own: { kind: "managed" } } });
    const preview = await project.fleet("preview", "--stacks", "acme", "--json");
    const up = await project.fleet("up", "--stacks", "acme", "--json");
    edit("acme", here);
    for (const run of [preview, up]) {
      assert.equal(run.code, 1, run.output);
      assert.match(report(run).stacks[0]?.error ?? "", /^ {2}apps\.crm: from server main to own$/m);
    }
    assert.equal((await page("acme-crm")).status, 200);
  });

  it("loses one tenant without touching the other, then comes down whole", async () => {
    const before = [state("acme"), state("platform")];
    const running = await processes("platform");
    const run = await project.fleet("destroy", "--stacks", "globex", "--json");
    assert.equal(run.code, 0, run.output);
    assert.equal((await page("globex-erp")).status, 404);
    assert.equal((await page("acme-crm")).status, 200);
    assert.deepEqual([state("acme"), state("platform")], before);
    assert.deepEqual(await processes("platform"), running);
    assert.deepEqual(Object.keys(await shown(await openApp(project, "entry"))), []);
    assert.equal((await observeUnits(fleetRoot(project.folder, "globex"))).length, 0);
    assert.ok(fs.existsSync(path.join(fleetRoot(project.folder, "globex"), "backups")));

    const down = await project.fleet("destroy", "--stacks", "acme,platform", "--json");
    assert.equal(down.code, 0, down.output);
    assert.equal((await observeUnits(fleetRoot(project.folder, "platform"))).length, 0);
  });
});
