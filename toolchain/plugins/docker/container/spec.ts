/** The container of the official `docker` package (4.11.2); what only other stacks use is refused by name. */
import type { Attribute, ResourceSpec } from "../../bridge/attributes";
import { fixed, free, labels, notHere, output, text } from "../specs";

/** Taken from the image or the daemon where not given. */
const computed = (type: Attribute["type"], description: string, more: Partial<Attribute> = {}): Attribute =>
  fixed(type, description, { computed: true, ...more });

const oneOf = (...words: string[]) => ({
  regexp: new RegExp(`^(${words.join("|")})$`),
  wanted: `one of ${words.join(", ")}`,
});

/** Go's notation of durations, such as 1m30s. */
const duration = (description: string): Attribute =>
  free("string", description, {
    default: "0s",
    pattern: {
      regexp: /^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$/,
      wanted: "a duration such as 10s or 1m30s",
    },
  });

const count = (description: string, more: Partial<Attribute> = {}): Attribute =>
  free("integer", description, { min: 0, ...more });

const NETWORKS: Attribute = fixed("set", "Networks that it is attached to.", {
  typeName: "ContainerNetworksAdvanced",
  fields: {
    name: text("Name or id of the network."),
    aliases: free("set", "Names that it has there."),
    ipv4Address: text("Its IPv4 address there.", "optional"),
    ipv6Address: text("Its IPv6 address there.", "optional"),
    macAddress: text("Its hardware address there.", "optional"),
  },
});

const PORTS: Attribute = fixed("list", "Ports that are published.", {
  typeName: "ContainerPort",
  anyOrder: true,
  fields: {
    internal: { type: "integer", input: "required", min: 1, description: "Port within the container." },
    external: free("integer", "Port on the machine; a free one where not given.", { computed: true, min: 1 }),
    ip: free("string", "Address on the machine.", { default: "0.0.0.0" }),
    protocol: free("string", "tcp, udp or sctp.", { default: "tcp", pattern: oneOf("tcp", "udp", "sctp") }),
  },
});

const MOUNTS: Attribute = fixed("set", "What is mounted.", {
  typeName: "ContainerMount",
  fields: {
    target: text("Path within the container."),
    type: { ...text("bind, volume or tmpfs."), pattern: oneOf("bind", "volume", "tmpfs") },
    source: text("Volume's name, or path on the machine.", "optional"),
    readOnly: free("boolean", "Whether it can't be written to."),
    bindOptions: free("list", "Options of a bind.", {
      single: true,
      typeName: "ContainerMountBindOptions",
      fields: {
        propagation: free("string", "How mounts below it spread.", {
          pattern: oneOf("private", "rprivate", "shared", "rshared", "slave", "rslave"),
        }),
      },
    }),
    tmpfsOptions: free("list", "Options of a tmpfs.", {
      single: true,
      typeName: "ContainerMountTmpfsOptions",
      fields: {
        sizeBytes: count("Its size in bytes."),
        mode: count("Its mode, as a decimal number."),
      },
    }),
    volumeOptions: notHere("list", { single: true, fields: {}, typeName: "ContainerMountVolumeOptions" }),
  },
});

const VOLUMES: Attribute = fixed("set", "Volumes and folders that are mounted.", {
  typeName: "ContainerVolume",
  fields: {
    volumeName: text("The volume's name.", "optional"),
    hostPath: free("string", "The folder on the machine.", {
      pattern: { regexp: /^[a-zA-Z]:[\\/]|^\//, wanted: "an absolute path" },
    }),
    containerPath: text("Path within the container.", "optional"),
    fromContainer: text("Container whose volumes are taken.", "optional"),
    readOnly: free("boolean", "Whether it can't be written to."),
  },
});

const UPLOADS: Attribute = fixed("set", "Files that are put into it before it starts.", {
  typeName: "ContainerUpload",
  upstream: "upload",
  fields: {
    file: text("Path within the container."),
    content: text("What is in it.", "optional"),
    contentBase64: free("string", "What is in it, in base64.", {
      pattern: { regexp: /^[A-Za-z0-9+/]*={0,2}$/, wanted: "base64" },
    }),
    source: text("File on this machine that it is copied from.", "optional"),
    sourceHash: text("A change of it puts the file there again.", "optional"),
    executable: free("boolean", "Whether its mode is 0744 instead of 0644.", { default: false }),
    permissions: free("string", "Its mode, such as 0444.", {
      pattern: { regexp: /^0[0-7]{3}$/, wanted: "an octal mode such as 0444" },
    }),
  },
});

const HEALTHCHECK: Attribute = free("list", "How the daemon tells whether it is well.", {
  computed: true,
  single: true,
  typeName: "ContainerHealthcheck",
  fields: {
    tests: {
      type: "list",
      input: "required",
      upstream: "test",
      description: "The command, such as CMD, true.",
    },
    interval: duration("Time between two tries."),
    timeout: duration("Time that a try may take."),
    startPeriod: duration("Time at the start in which failures don't count."),
    startInterval: duration("Time between two tries at the start."),
    retries: count("Failures in a row that make it unhealthy.", { default: 0 }),
  },
});

export const CONTAINER: ResourceSpec = {
  token: "docker:index/container:Container",
  description: "A container.",
  flavour: "sdk",
  matchesSets: true,
  schemaVersion: 2,
  deleteBeforeReplace: true,
  attributes: {
    name: fixed("string", "Its name.", { autoname: true }),
    image: { type: "string", input: "required", replace: true, description: "Name or id of the image." },
    hostname: computed("string", "Its host name."),
    domainname: fixed("string", "Its domain."),
    command: computed("list", "Arguments of the entry point."),
    entrypoints: computed("list", "Program that it runs.", { upstream: "entrypoint" }),
    user: fixed("string", "User that it runs as, such as 1000:1000.", { sticky: true }),
    groupAdds: fixed("set", "Further groups of that user.", { upstream: "group_add" }),
    workingDir: fixed("string", "Folder that it runs in.", { sticky: true }),
    envs: computed("set", "Environment, as NAME=value.", { upstream: "env" }),
    labels: { ...labels("Container"), computed: true },
    restart: free("string", "When it is started again.", {
      default: "no",
      pattern: oneOf("no", "on-failure", "always", "unless-stopped"),
    }),
    maxRetryCount: count("With on-failure: how often."),
    stopSignal: computed("string", "Signal that asks it to end."),
    stopTimeout: computed("integer", "Seconds that it has to end in."),
    destroyGraceSeconds: count("Seconds that it has to end in before it is removed; 0: killed at once."),
    init: free("boolean", "Whether an init process looks after its processes.", { computed: true }),
    tty: fixed("boolean", "Whether it has a terminal.", { default: false }),
    stdinOpen: fixed("boolean", "Whether its input stays open.", { default: false }),
    rm: free("boolean", "Whether it is removed when it ends.", { default: false }),
    readOnly: fixed("boolean", "Whether its root can't be written to.", { default: false }),
    start: free("boolean", "Whether it is started.", { default: true }),
    mustRun: free("boolean", "Whether it must be running.", { default: true }),
    wait: free("boolean", "Whether to wait until it is healthy.", { default: false }),
    waitTimeout: count("Seconds to wait for that.", { default: 60 }),
    removeVolumes: free("boolean", "Whether its anonymous volumes go with it.", { default: true }),
    containerReadRefreshTimeoutMilliseconds: count("How long to wait until it runs.", { default: 15000 }),
    networkMode: fixed("string", "Its network, where it has none of networksAdvanced.", {
      default: "bridge",
    }),
    networksAdvanced: NETWORKS,
    ports: PORTS,
    publishAllPorts: fixed("boolean", "Whether all exposed ports are published."),
    hosts: fixed("set", "Further lines of /etc/hosts.", {
      upstream: "host",
      typeName: "ContainerHost",
      fields: { host: text("The name."), ip: text("Its address.") },
    }),
    dns: fixed("set", "DNS servers."),
    dnsOpts: fixed("set", "DNS options."),
    dnsSearches: fixed("set", "DNS search domains.", { upstream: "dns_search" }),
    mounts: MOUNTS,
    volumes: VOLUMES,
    tmpfs: free("map", "Folders in memory: mount options by path."),
    uploads: UPLOADS,
    capabilities: fixed("set", "Capabilities beyond or below the daemon's own choice.", {
      single: true,
      typeName: "ContainerCapabilities",
      fields: {
        adds: free("set", "Those added.", { upstream: "add" }),
        drops: free("set", "Those dropped.", { upstream: "drop" }),
      },
    }),
    securityOpts: computed("set", "Security options, such as no-new-privileges:true."),
    privileged: fixed("boolean", "Whether it may do anything."),
    pidMode: fixed("string", "Its process namespace."),
    ipcMode: computed("string", "Its IPC namespace."),
    usernsMode: fixed("string", "Its user namespace."),
    cgroupParent: fixed("string", "Its control group's parent."),
    cgroupnsMode: fixed("string", "Its control group namespace."),
    runtime: computed("string", "The OCI runtime."),
    memory: count("Most memory, in MiB; 0 for no limit."),
    memoryReservation: count("Memory that it should keep to when memory is short, in MiB.", { default: 0 }),
    memorySwap: free("integer", "Most memory and swap together, in MiB; -1 for no limit of swap.", {
      min: -1,
    }),
    shmSize: computed("integer", "Size of /dev/shm, in MiB.", { min: 0 }),
    cpus: fixed("string", "Most processors, such as 1.5."),
    cpuShares: count("Its weight among others when processors are short; 1024 is usual."),
    cpuSet: free("string", "Processors that it may use, such as 0-1.", {
      pattern: { regexp: /^\d+([,-]\d+)*$/, wanted: "numbers of processors, such as 0-1 or 0,2" },
    }),
    cpuPeriod: count("Length of a scheduling period, in microseconds."),
    cpuQuota: count("Processor time in a period, in microseconds."),
    ulimits: fixed("set", "Limits of a process.", {
      upstream: "ulimit",
      typeName: "ContainerUlimit",
      fields: {
        name: text("Its name, such as nofile."),
        soft: { type: "integer", input: "required", description: "The limit." },
        hard: { type: "integer", input: "required", description: "How far the process may raise it." },
      },
    }),
    sysctls: fixed("map", "Kernel parameters."),
    logDriver: computed("string", "Where its output goes."),
    logOpts: fixed("map", "Options of that."),
    healthcheck: HEALTHCHECK,
    storageOpts: notHere("map", { replace: true }),
    devices: notHere("set", { replace: true, fields: {}, typeName: "ContainerDevice" }),
    gpus: notHere("string", { replace: true }),
    attach: notHere("boolean", { default: false }),
    logs: notHere("boolean", { default: false }),
    bridge: output("string", "The bridge's address."),
    exitCode: output("integer", "What it ended with."),
    containerLogs: output("string", "Its output, where it was attached to."),
    networkDatas: {
      type: "list",
      description: "Its networks.",
      upstream: "network_data",
      typeName: "ContainerNetworkData",
      fields: {
        networkName: output("string", "The network's name."),
        ipAddress: output("string", "IPv4 address."),
        ipPrefixLength: output("integer", "Length of its prefix."),
        gateway: output("string", "The gateway's address."),
        globalIpv6Address: output("string", "IPv6 address."),
        globalIpv6PrefixLength: output("integer", "Length of its prefix."),
        ipv6Gateway: output("string", "The gateway's IPv6 address."),
        macAddress: output("string", "Hardware address."),
      },
    },
  },
};
