/** What every container of a fleet has: as little as it needs. */
import type * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import type { ResourceLimits } from "../../plan/types";
import {
  KIND_LABEL,
  PART_LABEL,
  REPLICA_LABEL,
  STACK_LABEL,
  type PartKind,
} from "../../providers/docker/labels";

const MIB = 1024 ** 2;

/**
 * Upstream lets these change without making the container anew, and Docker can't change them in one that runs: the
 * edit would be noted and have no effect.
 */
export const replaceOnChanges = ["healthcheck", "tmpfs", "init", "cpuPeriod", "cpuQuota", "rm"];

export interface Owner {
  /** `<project>/<stack>` */
  readonly stack: string;
  readonly part: string;
  readonly kind?: PartKind;
  readonly replica?: number;
}

/** Labels by which fleet knows its own. */
export function labelsOf({ stack, part, kind, replica }: Owner): { label: string; value: string }[] {
  const labels: Record<string, string | undefined> = {
    [STACK_LABEL]: stack,
    [PART_LABEL]: part,
    [KIND_LABEL]: kind,
    [REPLICA_LABEL]: replica === undefined ? undefined : String(replica),
  };
  return Object.entries(labels).flatMap(([label, value]) => (value === undefined ? [] : [{ label, value }]));
}

/** Memory that is no disk: what a program may write besides its volumes. */
export function memoryFolder(target: string, sizeMiB: number): docker.types.input.ContainerMount {
  return { type: "tmpfs", target, tmpfsOptions: { sizeBytes: sizeMiB * MIB, mode: 0o1777 } };
}

export function volumeMount(
  target: string,
  volume: pulumi.Input<string>,
  readOnly = false,
): docker.types.input.ContainerMount {
  return { type: "volume", target, source: volume, readOnly };
}

export interface HardenedOptions {
  readonly limits: ResourceLimits & { readonly memoryMiB: number };
  /** Seconds between the signal to end and the kill. */
  readonly graceSeconds: number;
  readonly readOnly: boolean;
}

/** Arguments that all containers have in common. */
export function hardened({ limits, graceSeconds, readOnly }: HardenedOptions) {
  return {
    restart: "unless-stopped",
    mustRun: true,
    start: true,
    init: true,
    readOnly,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    memory: limits.memoryMiB,
    // Without it Docker adds as much swap again.
    memorySwap: limits.memoryMiB,
    ...(limits.cpuMillis === undefined ? {} : { cpus: String(limits.cpuMillis / 1000) }),
    // The provider has no limit of processes of a container. This one counts all of the user's on the machine, so it
    // is high: it ends a fork bomb, and no fleet comes near it.
    ulimits: [{ name: "nproc", soft: 8192, hard: 8192 }],
    logDriver: "json-file",
    logOpts: { "max-size": "10m", "max-file": "3" },
    stopTimeout: graceSeconds,
    destroyGraceSeconds: graceSeconds,
    ipcMode: "private",
  } satisfies Partial<docker.ContainerArgs>;
}
