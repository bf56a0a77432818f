import type { ResourceValidationPolicy } from "@pulumi/policy";
import { INSTANCE, loopbacks, POSTGRES_SERVER } from "../types";

export const loopback: ResourceValidationPolicy = {
  name: "loopback",
  description: "Processes listen on the loopback address: only the gateway may be reached from outside.",
  severity: "high",
  validateResource: ({ type, props }, reportViolation) => {
    if (type !== INSTANCE && type !== POSTGRES_SERVER) return;
    const host: unknown = props.host;
    // A server without one listens on the loopback address.
    if (host === undefined || host === null) return;
    if (typeof host === "string" && loopbacks.test(host)) return;
    reportViolation(`It would listen on ${JSON.stringify(host)}, past the gateway.`);
  },
};
