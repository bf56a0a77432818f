import type { ResourceValidationPolicy } from "@pulumi/policy";
import { CONTAINER } from "../types";

/** Sockets of daemons that start containers, and folders that hold them. */
const sockets = /^\/(?:(?:var\/)?run(?:\/.*)?)?$|(?:docker|containerd|podman|crio)\.sock$/;

export const noDaemonSocket: ResourceValidationPolicy = {
  name: "no-daemon-socket",
  description: "No container reaches the daemon that runs it: whoever does is root on the machine.",
  severity: "critical",
  validateResource: ({ type, props }, reportViolation) => {
    if (type !== CONTAINER) return;
    const mounts = (props.mounts ?? []) as { type?: string; source?: string }[];
    const volumes = (props.volumes ?? []) as { hostPath?: string }[];
    const paths = [
      ...mounts.flatMap((mount) => (mount.type === "bind" ? [mount.source] : [])),
      ...volumes.map(({ hostPath }) => hostPath),
    ];
    for (const path of paths) {
      if (path !== undefined && sockets.test(path.replace(/(?<=.)\/+$/, ""))) {
        reportViolation(`${path} of the machine would be mounted, and with it the daemon's socket.`);
      }
    }
  },
};
