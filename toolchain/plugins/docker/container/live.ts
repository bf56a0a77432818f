/** What the daemon tells of a container, in the resource's own terms. What it can't tell is left out. */
import type { Props } from "../../../../providers/kit/types";
import { goDuration } from "./duration";
import type { Inspected, InspectedHealth, InspectedMount } from "./inspected";

const MIB = 1024 * 1024;

/** Whole MiB; 0 and below as they are. */
function mebibytes(size: number | undefined): number {
  return size !== undefined && size > 0 ? Math.floor(size / MIB) : (size ?? 0);
}

/**
 * Live values by name.
 * @param before state or plan: says in which way the image is named
 */
export function liveContainer(info: Inspected, before: Props): Props {
  const { Config: config, HostConfig: host, State: state } = info;
  const byId = typeof before.image === "string" && before.image.startsWith("sha256:");
  const health = config.Healthcheck;
  const isCapped = (host.CapAdd?.length ?? 0) + (host.CapDrop?.length ?? 0) > 0;
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ""),
    image: byId ? info.Image : config.Image,
    ...(state.Running ? { ports: livePorts(info) } : { exitCode: state.ExitCode }),
    bridge: info.NetworkSettings?.Bridge ?? "",
    networkDatas: liveNetworks(info),
    rm: host.AutoRemove ?? false,
    readOnly: host.ReadonlyRootfs ?? false,
    hostname: config.Hostname ?? "",
    domainname: config.Domainname ?? "",
    command: config.Cmd ?? [],
    entrypoints: typeof config.Entrypoint === "string" ? [config.Entrypoint] : (config.Entrypoint ?? []),
    user: config.User ?? "",
    workingDir: config.WorkingDir ?? "",
    stopSignal: config.StopSignal ?? "",
    stopTimeout: config.StopTimeout ?? 0,
    tty: config.Tty ?? false,
    stdinOpen: config.OpenStdin ?? false,
    dns: host.Dns ?? [],
    dnsOpts: host.DnsOptions ?? [],
    dnsSearches: host.DnsSearch ?? [],
    securityOpts: [...(host.SecurityOpt ?? [])].sort(),
    publishAllPorts: host.PublishAllPorts ?? false,
    restart: host.RestartPolicy?.Name ?? "",
    maxRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    init: host.Init ?? false,
    ...(isCapped ? { capabilities: { adds: host.CapAdd ?? [], drops: host.CapDrop ?? [] } } : {}),
    runtime: host.Runtime ?? "",
    mounts: (host.Mounts ?? []).map(liveMount),
    tmpfs: host.Tmpfs ?? {},
    hosts: (host.ExtraHosts ?? []).map((line) => {
      const [name = "", address = ""] = line.split(/:(.*)/);
      return { host: name, ip: address };
    }),
    ulimits: (host.Ulimits ?? []).map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
    privileged: host.Privileged ?? false,
    memory: mebibytes(host.Memory),
    memoryReservation: mebibytes(host.MemoryReservation),
    memorySwap: mebibytes(host.MemorySwap),
    shmSize: mebibytes(host.ShmSize),
    ...(host.NanoCpus ? { cpus: String(host.NanoCpus / 1e9) } : {}),
    cpuShares: host.CpuShares ?? 0,
    cpuSet: host.CpusetCpus ?? "",
    logDriver: host.LogConfig?.Type ?? "",
    logOpts: host.LogConfig?.Config ?? {},
    networkMode: host.NetworkMode ?? "",
    pidMode: host.PidMode ?? "",
    usernsMode: host.UsernsMode ?? "",
    ...(health ? { healthcheck: liveHealthcheck(health) } : {}),
    sysctls: host.Sysctls ?? {},
    ipcMode: host.IpcMode ?? "",
    groupAdds: [...(host.GroupAdd ?? [])].sort(),
  };
}

function liveHealthcheck(health: InspectedHealth): Props {
  return {
    tests: health.Test ?? [],
    interval: goDuration(health.Interval ?? 0),
    timeout: goDuration(health.Timeout ?? 0),
    startPeriod: goDuration(health.StartPeriod ?? 0),
    startInterval: goDuration(health.StartInterval ?? 0),
    retries: health.Retries ?? 0,
  };
}

/** Published ports, in order of the ports within. */
function livePorts({ NetworkSettings }: Inspected): Props[] {
  const ports = Object.entries(NetworkSettings?.Ports ?? {});
  return ports
    .flatMap(([key, bindings]) => {
      const [internal, protocol] = key.split("/");
      return (bindings ?? []).map(({ HostIp, HostPort }) => ({
        internal: Number(internal),
        external: Number(HostPort),
        ip: HostIp,
        protocol,
      }));
    })
    .sort((a, b) => a.internal - b.internal);
}

function liveNetworks({ NetworkSettings }: Inspected): Props[] {
  return Object.entries(NetworkSettings?.Networks ?? {}).map(([name, network]) => ({
    networkName: name,
    ipAddress: network.IPAddress,
    ipPrefixLength: network.IPPrefixLen,
    gateway: network.Gateway,
    globalIpv6Address: network.GlobalIPv6Address,
    globalIpv6PrefixLength: network.GlobalIPv6PrefixLen,
    ipv6Gateway: network.IPv6Gateway,
    macAddress: network.MacAddress,
  }));
}

function liveMount(mount: InspectedMount): Props {
  const { BindOptions: bind, TmpfsOptions: tmpfs } = mount;
  return {
    type: mount.Type,
    target: mount.Target,
    source: mount.Source ?? "",
    readOnly: mount.ReadOnly ?? false,
    ...(bind ? { bindOptions: { propagation: bind.Propagation ?? "" } } : {}),
    ...(tmpfs ? { tmpfsOptions: { sizeBytes: tmpfs.SizeBytes ?? 0, mode: tmpfs.Mode ?? 0 } } : {}),
  };
}
