import type { ResourceValidationPolicy } from "@pulumi/policy";
import { CONTAINER } from "../types";

/** Namespaces of the machine that a container may be put into, by their names in the resource. */
const shared = {
  networkMode: "network",
  pidMode: "processes",
  ipcMode: "shared memory",
  usernsMode: "users",
} as const;

export const unprivilegedContainer: ResourceValidationPolicy = {
  name: "unprivileged-container",
  description: "A container is kept apart from its machine: not privileged, in namespaces of its own.",
  severity: "critical",
  validateResource: ({ type, props }, reportViolation) => {
    if (type !== CONTAINER) return;
    if (props.privileged === true) reportViolation("It would be privileged, which is root on the machine.");
    for (const [property, what] of Object.entries(shared)) {
      if (props[property] === "host") reportViolation(`It would share the machine's ${what}.`);
    }
    const devices: unknown = props.devices;
    if (Array.isArray(devices) && devices.length > 0)
      reportViolation("It would have devices of the machine.");
  },
};
