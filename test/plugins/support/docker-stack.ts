/** Programs on the docker plugin for tests: one hardened container with everything that fleets use. */
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Context } from "mocha";
import { NoDocker, TestDocker } from "../../support/dockerd";
import { skipBecause } from "../../support/skip";

export const SECRET = "a-secret-that-must-stay-secret";
export const OWNER = { label: "fleet.owner", value: "tests" };

export const MEBIBYTE = 1024 * 1024;

/** Everything that a fleet's container has; `port` is one that is free on this machine. */
export function hardened(image: pulumi.Input<string>, port: number): docker.ContainerArgs {
  return {
    name: "app",
    image,
    command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.2; done"],
    envs: ["MODE=test", pulumi.interpolate`TOKEN=${pulumi.secret(SECRET)}`, "A=first"],
    user: "1000:1000",
    workingDir: "/tmp",
    hostname: "app",
    ports: [
      { internal: 80, external: port, ip: "127.0.0.1" },
      { internal: 81, ip: "127.0.0.1" },
    ],
    mounts: [
      { type: "tmpfs", target: "/tmp", tmpfsOptions: { sizeBytes: 8 * MEBIBYTE, mode: 0o1777 } },
      { type: "bind", target: "/host-etc", source: "/etc", readOnly: true },
    ],
    restart: "unless-stopped",
    readOnly: true,
    init: true,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    memory: 64,
    memorySwap: 64,
    memoryReservation: 32,
    cpus: "0.5",
    cpuShares: 512,
    ulimits: [{ name: "nofile", soft: 1024, hard: 2048 }],
    logDriver: "json-file",
    logOpts: { "max-size": "1m", "max-file": "2" },
    labels: [OWNER, { label: "fleet.part", value: "app" }],
    healthcheck: { tests: ["CMD", "true"], interval: "1s", timeout: "5s", startPeriod: "10s", retries: 3 },
    stopSignal: "SIGTERM",
    stopTimeout: 7,
    destroyGraceSeconds: 5,
    ipcMode: "private",
    mustRun: true,
    start: true,
    wait: true,
    waitTimeout: 30,
  };
}

type Kind = "update" | "replace";

/** Edits of {@link hardened}: the property that shows, and what is done. */
export const CONTAINER_EDITS: readonly [edit: docker.ContainerArgs | object, property: string, kind: Kind][] =
  [
    [{ memory: 96, memorySwap: 96 }, "memory", "update"],
    [{ memoryReservation: 16 }, "memoryReservation", "update"],
    [{ memorySwap: -1 }, "memorySwap", "update"],
    [{ cpuShares: 256 }, "cpuShares", "update"],
    [{ cpuSet: "0" }, "cpuSet", "update"],
    [{ restart: "on-failure" }, "restart", "update"],
    [{ maxRetryCount: 3 }, "maxRetryCount", "update"],
    [{ destroyGraceSeconds: 9 }, "destroyGraceSeconds", "update"],
    [{ wait: false }, "wait", "update"],
    [{ mustRun: false }, "mustRun", "update"],
    [{ healthcheck: { tests: ["CMD", "true"], interval: "2s" } }, "healthcheck", "update"],
    [{ tmpfs: { "/run": "size=1m" } }, "tmpfs", "update"],
    [{ init: false }, "init", "update"],
    [{ rm: true }, "rm", "update"],
    [{ image: "other" }, "image", "replace"],
    [{ envs: ["MODE=other"] }, "envs", "replace"],
    [{ name: "app-2" }, "name", "replace"],
    [{ command: ["sleep", "60"] }, "command", "replace"],
    [{ entrypoints: ["sleep"] }, "entrypoints", "replace"],
    [{ user: "1001:1001" }, "user", "replace"],
    [{ workingDir: "/" }, "workingDir", "replace"],
    [{ hostname: "other" }, "hostname", "replace"],
    [{ ports: [{ internal: 80, external: 1, ip: "127.0.0.1" }] }, "ports", "replace"],
    [{ ports: [] }, "ports", "replace"],
    [{ mounts: [] }, "mounts", "replace"],
    [{ volumes: [{ volumeName: "v", containerPath: "/data" }] }, "volumes", "replace"],
    [{ networksAdvanced: [{ name: "net", aliases: ["other"] }] }, "networksAdvanced", "replace"],
    [{ networkMode: "none" }, "networkMode", "replace"],
    [{ readOnly: false }, "readOnly", "replace"],
    [{ capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN"] } }, "capabilities", "replace"],
    [{ securityOpts: ["no-new-privileges:false"] }, "securityOpts", "replace"],
    [{ privileged: true }, "privileged", "replace"],
    [{ labels: [OWNER] }, "labels", "replace"],
    [{ cpus: "1" }, "cpus", "replace"],
    [{ ulimits: [{ name: "nofile", soft: 100, hard: 100 }] }, "ulimits", "replace"],
    [{ logDriver: "none" }, "logDriver", "replace"],
    [{ logOpts: { "max-size": "2m" } }, "logOpts", "replace"],
    [{ stopTimeout: 3 }, "stopTimeout", "replace"],
    [{ stopSignal: "SIGINT" }, "stopSignal", "replace"],
    [{ ipcMode: "none" }, "ipcMode", "replace"],
    [{ shmSize: 8 }, "shmSize", "replace"],
    [{ uploads: [{ file: "/tmp/x", content: "y" }] }, "uploads", "replace"],
    [{ sysctls: { "net.core.somaxconn": "1024" } }, "sysctls", "replace"],
    [{ dns: ["127.0.0.1"] }, "dns", "replace"],
    [{ hosts: [{ host: "a", ip: "127.0.0.1" }] }, "hosts", "replace"],
    [{ groupAdds: ["7"] }, "groupAdds", "replace"],
    [{ tty: true }, "tty", "replace"],
    [{ pidMode: "host" }, "pidMode", "replace"],
  ];

/** A daemon, or the suite is skipped with the reason. */
export async function startDocker(context: Context): Promise<TestDocker> {
  try {
    return await TestDocker.start();
  } catch (error) {
    if (error instanceof NoDocker) return skipBecause(context, error.message);
    throw error;
  }
}
