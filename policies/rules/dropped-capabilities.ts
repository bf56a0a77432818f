import type { ResourceValidationPolicy } from "@pulumi/policy";
import { CONTAINER } from "../types";

interface Capabilities {
  drops?: string[];
  adds?: string[];
}

export const droppedCapabilities: ResourceValidationPolicy = {
  name: "dropped-capabilities",
  description:
    "A container has none of root's capabilities and gets no privilege that it did not start with.",
  severity: "high",
  validateResource: ({ type, props }, reportViolation) => {
    if (type !== CONTAINER) return;
    const { drops = [], adds = [] } = (props.capabilities ?? {}) as Capabilities;
    if (!drops.some((name) => name.toUpperCase() === "ALL")) {
      reportViolation('Its capabilities would not be dropped: capabilities.drops lacks "ALL".');
    }
    if (adds.length > 0) reportViolation(`It would be given ${adds.join(", ")}.`);
    const options = (props.securityOpts ?? []) as string[];
    if (!options.some((option) => /^no-new-privileges(?:[:=]true)?$/.test(option))) {
      reportViolation("A program in it could get privileges: securityOpts lacks no-new-privileges:true.");
    }
  },
};
