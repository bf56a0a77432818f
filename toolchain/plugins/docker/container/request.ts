/** What the daemon is asked for when a container is made: from the planned outputs, as upstream asks. */
import type { ContainerCreateOptions, HostConfig, MountSettings } from "dockerode";
import type { Props } from "../../../../providers/kit/types";
import { isObject } from "../../bridge/attributes";
import { labelsOf } from "../daemon";
import { knownFlag, knownMap, knownNumber, knownObjects, knownText, knownTexts } from "../state";
import { nanoseconds } from "./duration";

const MIB = 1024 * 1024;

/** MiB to bytes; 0 and below as they are. */
export function bytes(mebibytes: number | undefined): number | undefined {
  return mebibytes !== undefined && mebibytes > 0 ? mebibytes * MIB : mebibytes;
}

/** @param planned see {@link plannedOutputs} */
export function createRequest(planned: Props): ContainerCreateOptions {
  const ports = portBindings(planned);
  const volumes = volumeBindings(planned);
  const paths = Object.fromEntries(volumes.paths.map((path) => [path, {}]));
  return {
    name: String(planned.name),
    Image: String(planned.image),
    Hostname: knownText(planned, "hostname"),
    Domainname: knownText(planned, "domainname"),
    Tty: knownFlag(planned, "tty") ?? false,
    OpenStdin: knownFlag(planned, "stdinOpen") ?? false,
    StopSignal: knownText(planned, "stopSignal"),
    StopTimeout: knownNumber(planned, "stopTimeout") || undefined,
    Env: knownTexts(planned, "envs"),
    Cmd: knownTexts(planned, "command"),
    Entrypoint: knownTexts(planned, "entrypoints"),
    User: knownText(planned, "user"),
    WorkingDir: knownText(planned, "workingDir"),
    Labels: labelsOf(planned.labels),
    Healthcheck: healthcheck(planned.healthcheck),
    ExposedPorts: Object.fromEntries(Object.keys(ports).map((port) => [port, {}])),
    Volumes: paths,
    HostConfig: {
      ...hostConfig(planned),
      PortBindings: ports,
      Binds: volumes.binds,
      VolumesFrom: volumes.from,
    },
  };
}

function healthcheck(planned: unknown): ContainerCreateOptions["Healthcheck"] {
  if (!isObject(planned)) return undefined;
  const time = (key: string): number => nanoseconds(knownText(planned, key) ?? "0s");
  const wanted = {
    Test: knownTexts(planned, "tests") ?? [],
    Interval: time("interval"),
    Timeout: time("timeout"),
    StartPeriod: time("startPeriod"),
    StartInterval: time("startInterval"),
    Retries: knownNumber(planned, "retries") ?? 0,
  };
  return wanted;
}

function hostConfig(planned: Props): HostConfig {
  const capabilities = isObject(planned.capabilities) ? planned.capabilities : {};
  const security = knownTexts(planned, "securityOpts");
  const isUnconfined = security?.includes("systempaths=unconfined") ?? false;
  const cpus = knownText(planned, "cpus");
  return {
    Privileged: knownFlag(planned, "privileged") ?? false,
    PublishAllPorts: knownFlag(planned, "publishAllPorts") ?? false,
    RestartPolicy: {
      Name: String(planned.restart),
      MaximumRetryCount: knownNumber(planned, "maxRetryCount") ?? 0,
    },
    Runtime: knownText(planned, "runtime"),
    Mounts: knownObjects(planned, "mounts").map(mount),
    AutoRemove: knownFlag(planned, "rm") ?? false,
    ReadonlyRootfs: knownFlag(planned, "readOnly") ?? false,
    LogConfig: { Type: knownText(planned, "logDriver") ?? "", Config: knownMap(planned, "logOpts") ?? {} },
    Tmpfs: knownMap(planned, "tmpfs"),
    ExtraHosts: knownObjects(planned, "hosts").map(({ host, ip }) => `${String(host)}:${String(ip)}`),
    Ulimits: knownObjects(planned, "ulimits").map(({ name, soft, hard }) => ({
      Name: String(name),
      Soft: Number(soft),
      Hard: Number(hard),
    })),
    CapAdd: knownTexts(capabilities, "adds"),
    CapDrop: knownTexts(capabilities, "drops"),
    Dns: knownTexts(planned, "dns"),
    DnsOptions: knownTexts(planned, "dnsOpts"),
    DnsSearch: knownTexts(planned, "dnsSearches"),
    // The one option that clients handle themselves.
    SecurityOpt: security?.filter((option) => option !== "systempaths=unconfined"),
    ...(isUnconfined ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
    Memory: bytes(knownNumber(planned, "memory")),
    MemoryReservation: bytes(knownNumber(planned, "memoryReservation")),
    MemorySwap: bytes(knownNumber(planned, "memorySwap")),
    ShmSize: bytes(knownNumber(planned, "shmSize")),
    ...(cpus === undefined
      ? { CpuPeriod: knownNumber(planned, "cpuPeriod"), CpuQuota: knownNumber(planned, "cpuQuota") }
      : { NanoCpus: Math.round(Number(cpus) * 1e9) }),
    CpuShares: knownNumber(planned, "cpuShares"),
    CpusetCpus: knownText(planned, "cpuSet"),
    NetworkMode: knownText(planned, "networkMode"),
    UsernsMode: knownText(planned, "usernsMode"),
    PidMode: knownText(planned, "pidMode"),
    IpcMode: knownText(planned, "ipcMode"),
    Sysctls: knownMap(planned, "sysctls"),
    GroupAdd: knownTexts(planned, "groupAdds"),
    CgroupParent: knownText(planned, "cgroupParent"),
    ...(knownText(planned, "cgroupnsMode") ? { CgroupnsMode: knownText(planned, "cgroupnsMode") } : {}),
    Init: knownFlag(planned, "init") ?? false,
  };
}

function mount(wanted: Props): MountSettings {
  const type = String(wanted.type) as MountSettings["Type"];
  const bind = isObject(wanted.bindOptions) ? knownText(wanted.bindOptions, "propagation") : undefined;
  const tmpfs = isObject(wanted.tmpfsOptions) ? wanted.tmpfsOptions : undefined;
  return {
    Type: type,
    Target: String(wanted.target),
    Source: knownText(wanted, "source") ?? "",
    ReadOnly: knownFlag(wanted, "readOnly") ?? false,
    ...(type === "bind" && bind !== undefined
      ? { BindOptions: { Propagation: bind as NonNullable<MountSettings["BindOptions"]>["Propagation"] } }
      : {}),
    ...(type === "tmpfs" && tmpfs
      ? {
          TmpfsOptions: {
            SizeBytes: knownNumber(tmpfs, "sizeBytes") ?? 0,
            Mode: knownNumber(tmpfs, "mode") ?? 0,
          },
        }
      : {}),
  };
}

type Bindings = Record<string, { HostIp: string; HostPort: string }[]>;

function portBindings(planned: Props): Bindings {
  const bindings: Bindings = {};
  for (const port of knownObjects(planned, "ports")) {
    const key = `${String(port.internal)}/${String(port.protocol)}`;
    const binding = { HostIp: String(port.ip), HostPort: String(knownNumber(port, "external") ?? "") };
    bindings[key] = [...(bindings[key] ?? []), binding];
  }
  return bindings;
}

/** @throws Error where an entry says too little or too much */
function volumeBindings(planned: Props): { paths: string[]; binds: string[]; from: string[] } {
  const result = { paths: [] as string[], binds: [] as string[], from: [] as string[] };
  for (const volume of knownObjects(planned, "volumes")) {
    const from = knownText(volume, "fromContainer");
    const path = knownText(volume, "containerPath");
    const source = knownText(volume, "volumeName") ?? knownText(volume, "hostPath");
    if ((from === undefined) === (path === undefined)) {
      throw new Error("Each of volumes needs either containerPath or fromContainer.");
    }
    if (from !== undefined) result.from.push(from);
    if (path === undefined) continue;
    result.paths.push(path);
    if (source !== undefined)
      result.binds.push(`${source}:${path}:${volume.readOnly === true ? "ro" : "rw"}`);
  }
  return result;
}
