import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { checkLimits } from "../../cli/doctor/checks";
import { LogTail } from "../../platforms/local/log-tail";
import { Cgroups, findCgroups } from "../../providers/local/supervisor/cgroups";
import { planOf } from "./support/plans";

describe("limits of processes", () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "fleet-limits-"));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  /** A group as the kernel shows it, with what it hands down to those below. */
  function group(at: string, handedDown: string): void {
    const own = path.join(folder, at);
    fs.mkdirSync(own, { recursive: true });
    fs.writeFileSync(path.join(own, "cgroup.subtree_control"), `${handedDown}\n`);
    fs.writeFileSync(path.join(own, "cgroup.procs"), "");
  }

  const mounts = () => `proc /proc proc rw 0 0\ncgroup2 ${folder} cgroup2 rw,nosuid 0 0\n`;

  it("go below the highest group of version 2 that hands the controller down", () => {
    group("", "pids");
    group("user.slice", "memory pids");
    group("user.slice/session.scope", "");
    const support = findCgroups("0::/user.slice/session.scope\n", mounts());
    assert.deepEqual(support, { memory: { version: 2, folder: path.join(folder, "user.slice") } });
  });

  it("go below this process's own group of version 1, each controller's apart", () => {
    const own = (name: string) => path.join(folder, name, "job");
    for (const name of ["memory", "cpu"]) fs.mkdirSync(own(name), { recursive: true });
    const mounted = ["memory", "cpu"]
      .map((name) => `cgroup ${path.join(folder, name)} cgroup rw,relatime,${name} 0 0`)
      .join("\n");
    const support = findCgroups("9:cpu,cpuacct:/job\n4:memory:/job\n0::/\n", mounted);
    assert.deepEqual(support, {
      memory: { version: 1, folder: own("memory") },
      cpu: { version: 1, folder: own("cpu") },
    });
  });

  it("are none where there are no groups", () => {
    assert.deepEqual(findCgroups("0::/\n", "proc /proc proc rw 0 0\n"), {});
  });

  it("are written as version 2 wants them, and each unit's process goes into its own group", () => {
    const base = { version: 2, folder } as const;
    const faults: string[] = [];
    const cgroups = new Cgroups("/srv/fleet", (fault) => faults.push(fault), { memory: base, cpu: base });
    cgroups.apply("app-erp.2", 4711, { memoryMiB: 512, cpuMillis: 1500 });
    const [own = ""] = fs.readdirSync(folder);
    const read = (file: string) => fs.readFileSync(path.join(folder, own, file), "utf8");
    assert.match(read("cgroup.subtree_control"), /^\+(memory|cpu)$/);
    assert.equal(read("app-erp.2/memory.max"), String(512 * 2 ** 20));
    assert.equal(read("app-erp.2/cpu.max"), "150000 100000");
    assert.equal(read("app-erp.2/cgroup.procs"), "4711");
    cgroups.apply("app-erp.2", 4711, {});
    assert.equal(read("app-erp.2/memory.max"), "max");
    assert.equal(read("app-erp.2/cpu.max"), "max 100000");
    cgroups.apply("app-crm", 4712, {});
    assert.equal(fs.existsSync(path.join(folder, own, "app-crm")), false);
    fs.writeFileSync(path.join(folder, own, "app-erp.2", "memory.events"), "oom 3\noom_kill 2\n");
    assert.equal(cgroups.outOfMemoryKills("app-erp.2"), 2);
    assert.deepEqual(faults, []);
  });

  it("never stop a process where they can't be set", () => {
    const faults: string[] = [];
    const base = { version: 2, folder: path.join(folder, "gone\0") } as const;
    new Cgroups("/srv/fleet", (fault) => faults.push(fault), { memory: base }).apply("web", 1, {
      memoryMiB: 512,
    });
    assert.match(faults.join(), /web: its memory is not limited/);
  });

  it("are told by fleet doctor: which of those wanted apply", () => {
    const plan = planOf({ entry: { resources: { memory: "1Gi", cpu: 1 } } });
    const memory = { version: 2, folder } as const;
    assert.deepEqual(checkLimits(planOf({}), {}), []);
    const [whole] = checkLimits(plan, { memory, cpu: memory });
    assert.deepEqual([whole!.result, whole!.found], ["ok", "memory by cgroup v2, cpu by cgroup v2"]);
    const [none] = checkLimits(plan, {});
    assert.deepEqual(
      [none!.result, none!.found],
      ["warn", "memory by V8's heap limit alone, cpu not at all"],
    );
  });
});

describe("a log as it grows", () => {
  it("is written line by line with its prefix, also after it was cut", () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "fleet-log-")), "app.log");
    fs.writeFileSync(file, "one\ntwo\n");
    let text = "";
    const write = (part: string): void => void (text += part);
    const tail = new LogTail(file, "app.2 | ");
    tail.last(1, write);
    fs.appendFileSync(file, "three\nfo");
    tail.grown(write);
    fs.appendFileSync(file, "ur\n");
    tail.grown(write);
    fs.writeFileSync(file, "five\n");
    tail.grown(write);
    assert.equal(text, "app.2 | two\napp.2 | three\napp.2 | four\napp.2 | five\n");
    fs.rmSync(path.dirname(file), { recursive: true });
  });
});
