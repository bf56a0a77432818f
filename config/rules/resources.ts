/** Limits that NocoBase can live within. */
import { type Segment } from "../faults";
import { cpuAllowed, memoryAllowed } from "../quantities";
import { isBroken } from "../issues";
import { given, report, type Context } from "./context";
import type { InstanceSpec } from "../spec";

/** NocoBase 2.2 takes about 450 MiB once it has started, 555 MiB in its first minutes without a heap limit. */
const leastMemoryMiB = 512;
const leastCpuMillis = 100;

/** Memory and processor time of the entry app, environments and dedicated apps. */
export function resources(context: Context): void {
  const { entry, environments, apps } = context.spec;
  check(context, ["entry"], entry);
  for (const [key, environment] of Object.entries(environments)) {
    check(context, ["environments", key], environment);
  }
  for (const [key, app] of Object.entries(apps)) {
    if (app.isolation === "dedicated") check(context, ["apps", key], app);
  }
}

function check(context: Context, at: readonly Segment[], instance: InstanceSpec): void {
  const { memoryMiB, cpuMillis } = instance.resources;
  const { heapLimitMiB } = instance;
  const written = (name: string) => given(context, [...at, "resources", name]);
  if (memoryMiB !== undefined && memoryMiB < leastMemoryMiB) {
    report(context, [...at, "resources", "memory"], {
      value: written("memory"),
      problem: "is too little: NocoBase takes about 450 MiB before it does anything",
      allowed: memoryAllowed,
      fix: 'write for example memory: "1Gi"',
    });
  } else if (memoryMiB !== undefined && heapLimitMiB !== undefined && heapLimitMiB >= memoryMiB) {
    if (isBroken(context.parsed.broken, [...at, "resources"])) return;
    report(context, [...at, "heapLimitMiB"], {
      value: heapLimitMiB,
      problem: `leaves no room in the ${memoryMiB} MiB of resources.memory: a process needs some 150 MiB besides its heap`,
      allowed: `less than ${memoryMiB}`,
      fix: "lower it, or leave it out: the heap gets three quarters of resources.memory",
    });
  }
  if (cpuMillis !== undefined && cpuMillis < leastCpuMillis) {
    report(context, [...at, "resources", "cpu"], {
      value: written("cpu"),
      problem: "is too little: a start would take many minutes",
      allowed: cpuAllowed,
      fix: "write for example cpu: 1",
    });
  }
}
