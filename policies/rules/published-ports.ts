import type { ResourceValidationPolicy } from "@pulumi/policy";
import { GATEWAY } from "../../platforms/docker/names";
import { PART_LABEL } from "../../providers/docker/labels";
import { CONTAINER, loopbacks } from "../types";

interface Port {
  ip?: string;
  internal?: number;
  external?: number;
}

export const publishedPorts: ResourceValidationPolicy = {
  name: "published-ports",
  description:
    "Containers publish ports on the loopback address alone; the gateway's proxy where the stack file asks.",
  severity: "high",
  validateResource: ({ type, props }, reportViolation) => {
    if (type !== CONTAINER) return;
    const labels = (props.labels ?? []) as { label?: string; value?: string }[];
    if (labels.some(({ label, value }) => label === PART_LABEL && value === GATEWAY.proxy)) return;
    if (props.publishAllPorts === true) reportViolation("It would publish every port on every address.");
    for (const { ip, internal, external } of (props.ports ?? []) as Port[]) {
      if (ip !== undefined && loopbacks.test(ip)) continue;
      const where = ip === undefined || ip === "" ? "every address" : ip;
      reportViolation(`Port ${external ?? internal} would be open on ${where}, past the gateway.`);
    }
  },
};
