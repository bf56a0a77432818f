import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { changedSince, sortChanges } from "../../cli/stacks/changed";
import { createDisplay, summary } from "../../cli/stacks/display";
import { inParallel, parallelism } from "../../cli/stacks/schedule";
import { selectStacks } from "../../cli/stacks/select";
import type { StackResult } from "../../cli/stacks/operation";
import { appsOn, strandedBy } from "../../cli/tenants";

describe("which stacks a command means", function () {
  this.timeout(60_000);
  let folder: string;
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  const write = (file: string, text: string) => {
    mkdirSync(join(folder, file, ".."), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  const tenant = (title: string) =>
    `config:\n  nocobase-fleet:platformStack: platform\n  nocobase-fleet:apps: { crm: { title: ${title}, environment: blue } }\n`;
  const names = async (selection: Parameters<typeof selectStacks>[1]) =>
    (await selectStacks(folder, selection)).stacks.map(({ name }) => name);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "stacks-"));
    git("init", "--quiet", "--initial-branch", "main");
    write("Pulumi.yaml", "name: nocobase-fleet\nruntime: nodejs\n");
    write("index.ts", "export {};\n");
    write("docs/a.md", "a\n");
    write("Pulumi.platform.yaml", "config:\n  nocobase-fleet:environments: { blue: {} }\n");
    for (const name of ["acme", "globex", "tenant-one"]) write(`Pulumi.${name}.yaml`, tenant("CRM"));
    git("add", ".");
    git("commit", "--quiet", "--message", "first");
    git("checkout", "--quiet", "-b", "work");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("takes all, platforms first, or those that match", async () => {
    assert.deepEqual(await names({ all: true }), ["platform", "acme", "globex", "tenant-one"]);
    assert.deepEqual(await names({ stacks: "tenant-*,acm?" }), ["acme", "tenant-one"]);
    await assert.rejects(names({ stacks: "nobody" }), /no stack file matches "nobody"; there are acme/);
    await assert.rejects(names({ all: true, stacks: "acme" }), /exclude one another/);
  });

  it("takes the stacks whose files a branch changes, committed or not", async () => {
    write("Pulumi.acme.yaml", tenant("Customers"));
    git("commit", "--quiet", "--all", "--message", "edit");
    write("Pulumi.initech.yaml", tenant("CRM"));
    write("docs/a.md", "b\n");
    assert.deepEqual(await names({ changed: "main" }), ["acme", "initech"]);
    assert.deepEqual(await names({ changed: true }), ["acme", "initech"]);
  });

  it("takes nothing of what the base changed since", async () => {
    git("checkout", "--quiet", "main");
    write("Pulumi.globex.yaml", tenant("Other"));
    git("commit", "--quiet", "--all", "--message", "on main");
    git("checkout", "--quiet", "work");
    write("Pulumi.acme.yaml", tenant("Customers"));
    assert.deepEqual(await names({ changed: "main" }), ["acme"]);
  });

  it("takes all where code changes, and none where only words do", async () => {
    write("README.md", "words\n");
    assert.deepEqual(await names({ changed: "main" }), []);
    write("index.ts", "export const changed = true;\n");
    const { stacks, reason } = await selectStacks(folder, { changed: "main" });
    assert.equal(stacks.length, 4);
    assert.match(reason, /all stacks, since index\.ts changed since main/);
  });

  it("names a stack whose file is gone, and does nothing about it", async () => {
    git("rm", "--quiet", "Pulumi.acme.yaml");
    git("commit", "--quiet", "--message", "gone");
    const { stacks, gone } = await selectStacks(folder, { changed: "main" });
    assert.deepEqual([stacks, gone], [[], ["acme"]]);
  });

  it("refuses a base that git doesn't know, and one that is an option", async () => {
    await assert.rejects(changedSince(folder, "nowhere"), /knows no commit or branch "nowhere"/);
    await assert.rejects(changedSince(folder, "--output=x"), /knows no commit or branch/);
  });

  it("tells stack files from code by their place", () => {
    const changed = [
      "Pulumi.yaml",
      "Pulumi.a.yaml",
      "test/Pulumi.b.yaml",
      "plan/fleet.ts",
      ".github/workflows/ci.yml",
    ];
    const sorted = sortChanges(changed.map((file) => ["M", file]));
    assert.deepEqual(sorted, { stacks: ["a"], gone: [], code: ["Pulumi.yaml", "plan/fleet.ts"] });
  });
});

describe("many stacks at a time", () => {
  it("are as many as processors and memory hold, and one at least", () => {
    assert.equal(parallelism(8, 100_000), 8);
    assert.equal(parallelism(8, 3000), 3);
    assert.equal(parallelism(8, 100), 1);
  });

  it("never exceed the bound, finish a step before the next, and keep their order", async () => {
    let running = 0;
    let most = 0;
    const begun: number[] = [];
    const results = await inParallel([[1, 2, 3, 4, 5], [6]], 2, async (item) => {
      begun.push(item);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      if (item === 6) assert.equal(running, 1);
      running--;
      return item * 10;
    });
    assert.deepEqual(results, [10, 20, 30, 40, 50, 60]);
    assert.deepEqual([most, begun.at(-1)], [2, 6]);
  });

  const result = (stack: string, ok: boolean): StackResult => ({
    ...{ stack, ok, seconds: 1.5, effects: [], steps: [], violations: [] },
    ...(ok ? { changes: { create: 1 } } : { changes: {}, error: "database away" }),
  });

  it("are a line each off a terminal, and a live table on one", () => {
    const show = (columns?: number) => {
      let text = "";
      const display = createDisplay({ write: (part) => void (text += part), columns }, 2, () => 0);
      display.begin("acme");
      display.say("acme", "created crm-db");
      display.begin("globex");
      display.end(result("acme", true));
      display.end(result("globex", false));
      display.close();
      return text;
    };
    assert.equal(show(), "ok     acme 1.5 s  changed\nFAILED globex 1.5 s\n");
    const live = show(40);
    assert.match(live, /… acme 0\.0 s created crm-db\n/);
    assert.match(live, /1 of 2 stacks done\n/);
    assert.ok(live.split("\n").every((line) => line.length < 60));
  });

  it("end in one summary with the reason of each failure", () => {
    const text = summary("up", [result("acme", true), result("globex", false)]);
    assert.match(text, /^globex:\n {2}database away\n/);
    assert.match(text, /up of 2 stacks:\nSTACKS +CHANGED +UNCHANGED +FAILED\n2 +1 +0 +1/);
  });
});

describe("tenants of a platform", () => {
  const reference = (name: string) => ({
    urn: "urn:pulumi:acme::nocobase-fleet::pulumi:pulumi:StackReference::platform",
    type: "pulumi:pulumi:StackReference",
    inputs: { name },
  });
  const business = (key: string, outputs?: Record<string, unknown>) => ({
    urn: `urn:pulumi:acme::nocobase-fleet::nocobase-fleet:index:BusinessApp::${key}`,
    type: "nocobase-fleet:index:BusinessApp",
    outputs,
  });

  it("are stacks whose state refers to it", () => {
    const state = [
      reference("organization/nocobase-fleet/platform"),
      business("crm", { placement: "shared:blue" }),
    ];
    assert.equal(appsOn("other", state), undefined);
    assert.deepEqual(appsOn("platform", state), [
      { key: "crm", placement: "shared:blue", databaseServer: undefined },
    ]);
  });

  it("are named with what they would lose; an app that never got far may be anywhere", () => {
    const tenants = [
      { stack: "acme", apps: [{ key: "crm", placement: "shared:blue", databaseServer: "main" }] },
      { stack: "globex", apps: [{ key: "erp", placement: "dedicated", databaseServer: "old" }] },
      { stack: "half", apps: [{ key: "hr" }] },
      { stack: "empty", apps: [] },
    ];
    const lose = (environments: string[], servers: string[], all = false) =>
      strandedBy({ environments, servers, all }, tenants);
    assert.deepEqual(lose(["blue"], []), ["acme: crm runs in environment blue", "half: hr"]);
    assert.deepEqual(lose([], ["old"]), ["globex: erp has its database on server old", "half: hr"]);
    assert.equal(lose([], [], true).length, 4);
  });
});
