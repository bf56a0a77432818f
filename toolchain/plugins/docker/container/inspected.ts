/** The daemon's answer about a container, as its API has it: the client's types promise more than it sends. */

export interface InspectedHealth {
  Test?: string[];
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  StartInterval?: number;
  Retries?: number;
}

export interface InspectedMount {
  Type: string;
  Target: string;
  Source?: string;
  ReadOnly?: boolean;
  BindOptions?: { Propagation?: string };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

interface InspectedNetwork {
  IPAddress?: string;
  IPPrefixLen?: number;
  Gateway?: string;
  GlobalIPv6Address?: string;
  GlobalIPv6PrefixLen?: number;
  IPv6Gateway?: string;
  MacAddress?: string;
}

/** Lists and maps are null where they are empty. */
export interface InspectedHost {
  AutoRemove?: boolean;
  ReadonlyRootfs?: boolean;
  Dns?: string[] | null;
  DnsOptions?: string[] | null;
  DnsSearch?: string[] | null;
  SecurityOpt?: string[] | null;
  PublishAllPorts?: boolean;
  RestartPolicy?: { Name?: string; MaximumRetryCount?: number };
  Init?: boolean;
  CapAdd?: string[] | null;
  CapDrop?: string[] | null;
  Runtime?: string;
  Mounts?: InspectedMount[] | null;
  Tmpfs?: Record<string, string> | null;
  ExtraHosts?: string[] | null;
  Ulimits?: { Name: string; Soft: number; Hard: number }[] | null;
  Privileged?: boolean;
  Memory?: number;
  MemoryReservation?: number;
  MemorySwap?: number;
  ShmSize?: number;
  NanoCpus?: number;
  CpuShares?: number;
  CpusetCpus?: string;
  LogConfig?: { Type?: string; Config?: Record<string, string> | null };
  NetworkMode?: string;
  PidMode?: string;
  UsernsMode?: string;
  Sysctls?: Record<string, string> | null;
  IpcMode?: string;
  GroupAdd?: string[] | null;
}

export interface Inspected {
  Id: string;
  Name: string;
  /** Id of the image. */
  Image: string;
  State: {
    Running: boolean;
    ExitCode: number;
    Error?: string;
    StartedAt: string;
    Health?: { Status: string; Log?: { Output?: string }[] | null };
  };
  Config: {
    Image: string;
    Hostname?: string;
    Domainname?: string;
    Cmd?: string[] | null;
    Entrypoint?: string[] | string | null;
    User?: string;
    WorkingDir?: string;
    StopSignal?: string;
    StopTimeout?: number | null;
    Tty?: boolean;
    OpenStdin?: boolean;
    Healthcheck?: InspectedHealth | null;
    Labels?: Record<string, string> | null;
  };
  HostConfig: InspectedHost;
  NetworkSettings?: {
    Bridge?: string;
    Ports?: Record<string, { HostIp: string; HostPort: string }[] | null> | null;
    Networks?: Record<string, InspectedNetwork> | null;
  };
}
