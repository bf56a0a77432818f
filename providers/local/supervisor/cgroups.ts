/**
 * Limits of memory and processor time by Linux's control groups, one group per process. Version 2 where its
 * controllers are (man 7 cgroups; kernel: admin-guide/cgroup-v2), else version 1.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ResourceLimits } from "../../../plan/types";
import { shortHash } from "../../../toolchain/locations";
import { hasCode, readTextIfExists } from "../support/files";

export type Controller = "memory" | "cpu";

/** A folder of the cgroup file system below which this process may make groups. */
export interface CgroupBase {
  readonly version: 1 | 2;
  readonly folder: string;
}

/** Where each controller can be used; a missing one can't. */
export type CgroupSupport = Readonly<Partial<Record<Controller, CgroupBase>>>;

const CONTROLLERS: readonly Controller[] = ["memory", "cpu"];
const PERIOD_US = 100_000;
const MIB = 2 ** 20;
const REMOVE_ATTEMPTS = 40;
const REMOVE_EVERY_MS = 25;

/** Looks for folders this process may make groups in; makes none. `self` and `mounts` are /proc/self/cgroup and /proc/self/mounts. */
export function findCgroups(
  self = readTextIfExists("/proc/self/cgroup") ?? "",
  mounts = readTextIfExists("/proc/self/mounts") ?? "",
): CgroupSupport {
  const support: Partial<Record<Controller, CgroupBase>> = {};
  for (const controller of CONTROLLERS) {
    const folder = findVersion2(controller, self, mounts);
    const base = folder ? ({ version: 2, folder } as const) : findVersion1(controller, self, mounts);
    if (base) support[controller] = base;
  }
  return support;
}

/**
 * The highest group above this process that hands the controller down and lets this user make groups and move
 * processes. High, so that the end of a sign-in session takes no group with it.
 */
function findVersion2(controller: Controller, self: string, mounts: string): string | undefined {
  const mount = mountOf(mounts, (type) => type === "cgroup2");
  const own = /^0::(\/.*)$/m.exec(self)?.[1];
  if (mount === undefined || own === undefined) return undefined;
  let folder = mount;
  for (const part of ["", ...own.split("/").filter((each) => each !== "")]) {
    folder = path.join(folder, part);
    const handed = readTextIfExists(path.join(folder, "cgroup.subtree_control"))?.trim().split(" ") ?? [];
    if (handed.includes(controller) && mayWrite(folder) && mayWrite(path.join(folder, "cgroup.procs")))
      return folder;
  }
  return undefined;
}

/** This process's own group: below it, what limits this process limits the fleet, too. */
function findVersion1(controller: Controller, self: string, mounts: string): CgroupBase | undefined {
  const mount = mountOf(
    mounts,
    (type, options) => type === "cgroup" && options.split(",").includes(controller),
  );
  const own = self
    .split("\n")
    .map((line) => line.split(":"))
    .find(([, controllers]) => controllers?.split(",").includes(controller))?.[2];
  if (mount === undefined || own === undefined) return undefined;
  const folder = path.join(mount, own);
  return mayWrite(folder) ? { version: 1, folder } : undefined;
}

function mountOf(mounts: string, matches: (type: string, options: string) => boolean): string | undefined {
  return mounts
    .split("\n")
    .map((line) => line.split(" "))
    .find(([, , type = "", options = ""]) => matches(type, options))?.[1];
}

function mayWrite(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The groups of one root's processes. Every method does what it can: a limit that can't be set never stops a process. */
export class Cgroups {
  private readonly support: CgroupSupport;
  private readonly name: string;

  constructor(
    root: string,
    private readonly onFault: (message: string) => void,
    support = findCgroups(),
  ) {
    this.support = support;
    this.name = `nocobase-fleet-${shortHash(root)}`;
  }

  /** Sets the limits of a unit's group and moves its process into it. Without limits the group goes, once it is empty. */
  apply(unit: string, pid: number, limits: ResourceLimits): void {
    const wanted = { memory: limits.memoryMiB, cpu: limits.cpuMillis };
    for (const controller of CONTROLLERS) {
      const [base, limit] = [this.support[controller], wanted[controller]];
      if (!base) continue;
      const group = this.groupOf(base, unit);
      if (limit === undefined && !fs.existsSync(group)) continue;
      try {
        this.prepare(base, controller, group);
        setLimit(base.version, controller, group, limit);
        fs.writeFileSync(path.join(group, "cgroup.procs"), String(pid));
      } catch (error) {
        this.onFault(`${unit}: its ${controller} is not limited: ${(error as Error).message}`);
      }
    }
  }

  /** How often the kernel ended a process of the unit's group for want of memory. */
  outOfMemoryKills(unit: string): number {
    const base = this.support.memory;
    if (!base) return 0;
    const file = base.version === 2 ? "memory.events" : "memory.oom_control";
    const text = readTextIfExists(path.join(this.groupOf(base, unit), file));
    return Number(/^oom_kill (\d+)$/m.exec(text ?? "")?.[1] ?? 0);
  }

  /** Takes the group of a unit whose process has ended away, and the root's own with the last one. */
  async remove(unit: string): Promise<void> {
    for (const base of this.bases()) {
      const group = this.groupOf(base, unit);
      // A process counts as there until its end was fetched.
      for (let attempt = 0; attempt < REMOVE_ATTEMPTS && !removed(group); attempt++)
        await sleep(REMOVE_EVERY_MS);
      removed(this.ownOf(base));
    }
  }

  private bases(): CgroupBase[] {
    return Object.values(this.support);
  }

  private ownOf(base: CgroupBase): string {
    return path.join(base.folder, this.name);
  }

  private groupOf(base: CgroupBase, unit: string): string {
    return path.join(this.ownOf(base), unit);
  }

  private prepare(base: CgroupBase, controller: Controller, group: string): void {
    const own = this.ownOf(base);
    fs.mkdirSync(own, { recursive: true });
    if (base.version === 2) fs.writeFileSync(path.join(own, "cgroup.subtree_control"), `+${controller}`);
    fs.mkdirSync(group, { recursive: true });
  }
}

/** True where an empty group's folder is gone now, or was before. */
function removed(folder: string): boolean {
  try {
    fs.rmdirSync(folder);
    return true;
  } catch (error) {
    return hasCode(error, "ENOENT");
  }
}

function setLimit(version: 1 | 2, controller: Controller, group: string, limit: number | undefined): void {
  const write = (file: string, value: string | number): void =>
    fs.writeFileSync(path.join(group, file), String(value));
  const writeIfThere = (file: string, value: string | number): void => {
    if (fs.existsSync(path.join(group, file))) write(file, value);
  };
  if (controller === "memory") {
    const bytes = limit === undefined ? undefined : limit * MIB;
    if (version === 2) {
      write("memory.max", bytes ?? "max");
      // Else a process over its limit would crawl on in swap space.
      writeIfThere("memory.swap.max", bytes === undefined ? "max" : 0);
      writeIfThere("memory.oom.group", 1);
      return;
    }
    // Memory and swap together may never be less than memory alone, so a rise starts with them.
    writeIfThere("memory.memsw.limit_in_bytes", -1);
    write("memory.limit_in_bytes", bytes ?? -1);
    if (bytes !== undefined) writeIfThere("memory.memsw.limit_in_bytes", bytes);
    return;
  }
  const quota = limit === undefined ? undefined : (limit * PERIOD_US) / 1000;
  if (version === 2) write("cpu.max", `${quota ?? "max"} ${PERIOD_US}`);
  else write("cpu.cfs_quota_us", quota ?? -1);
}
